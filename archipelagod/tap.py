"""
``twistd archipelagod``.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet import reactor

from archipelagod.service import build_service
from archipelagod.settings import ArchipelagoSettings
from synnefo_tx.daemon.options import ConfiguredOptions, refuse
from synnefo_tx.daemon.settings import SettingsError
from synnefo_tx.daemon.slow_callbacks import watched


class Options(ConfiguredOptions):
    """
    archipelagod's command line.
    """

    daemon = "archipelagod"
    kind = ArchipelagoSettings


def makeService(options: Options) -> IService:
    """
    The daemon.  Ends the process with one line when its settings can't be used.
    """
    try:
        return watched(build_service(options.settings, reactor), reactor)
    except (SettingsError, OSError) as error:
        refuse(options.daemon, error)

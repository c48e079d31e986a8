"""
``twistd ganetid-console --config FILE``.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet import reactor

from ganetid.console.service import ConsoleProxy
from ganetid.console.settings import ConsoleSettings
from synnefo_tx.daemon.options import ConfiguredOptions, refuse
from synnefo_tx.daemon.settings import SettingsError
from synnefo_tx.daemon.slow_callbacks import watched


class Options(ConfiguredOptions):
    """The command line."""

    daemon = "ganetid-console"
    kind = ConsoleSettings


def makeService(options: Options) -> IService:
    """The console proxy.  Ends the process with one line when its settings can't be used."""
    try:
        proxy = ConsoleProxy(options.settings, reactor)
    except (SettingsError, OSError) as error:
        refuse(options.daemon, error)
    return watched(proxy, reactor)

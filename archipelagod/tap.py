"""
``twistd archipelagod``.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.python.failure import Failure

from archipelagod.nbd.doors import inherited_sockets, initial_environment
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
        inherited = inherited_sockets(initial_environment())
        service = build_service(options.settings, reactor, inherited)
    except (SettingsError, OSError) as error:
        refuse(options.daemon, error)
    service.ready.addErrback(_give_up)
    return watched(service, reactor)


def _give_up(_: Failure) -> None:
    """
    Ends a daemon that can't serve (the service logged why) with status 1.
    """
    running: Any = reactor
    running.addSystemEventTrigger("after", "shutdown", os._exit, 1)
    running.stop()

"""
``twistd ganetid --config FILE``.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet import reactor
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.events.nobody import Nobody
from ganetid.rapi.hangup import Hangup
from ganetid.service import build_service
from ganetid.settings import GanetiSettings
from synnefo_tx.daemon.amqp.address import BadAddress
from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.options import ConfiguredOptions, refuse
from synnefo_tx.daemon.settings import SettingsError
from synnefo_tx.daemon.slow_callbacks import watched

_log = Logger()


class Options(ConfiguredOptions):
    """The command line."""

    daemon = "ganetid"
    kind = GanetiSettings


def makeService(options: Options) -> IService:
    """
    ganetid with its link to the broker.

    Ends the process with one line when its settings can't be used.
    """
    os.umask(0o077)  # guests' users may pass through our directories, not look into files
    parent = MultiService()
    try:
        publisher = _publisher(options.settings, parent)
        ganetid = build_service(options.settings, reactor, publisher)
    except (SettingsError, BadAddress) as error:
        refuse(options.daemon, error)
    ganetid.setServiceParent(parent)
    Hangup(reactor, ganetid.reload).setServiceParent(parent)
    ganetid.when_ready().addErrback(_give_up)
    return watched(parent, reactor)


def _publisher(settings: GanetiSettings, parent: MultiService) -> Any:
    if settings.amqp_url is None:
        _log.warn("no amqp_url is set: nobody is told what happens in this cluster")
        return Nobody()
    bus = AmqpBus(reactor, settings.amqp_url)
    bus.setServiceParent(parent)
    return bus


def _give_up(failure: Failure) -> None:
    """A daemon that can't start must not look as if it had."""
    print(f"ganetid: {failure.getErrorMessage()}", file=sys.stderr)  # noqa: T201
    sys.stderr.flush()
    atexit.register(os._exit, 1)  # twistd has no other way to end with a status of ours
    loop: Any = reactor
    loop.callLater(0, loop.stop)

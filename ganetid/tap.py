"""
``twistd ganetid --config FILE``.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet import reactor
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from ganetid.events.nobody import Nobody
from ganetid.service import build_service
from ganetid.settings import GanetiSettings
from synnefo_tx.daemon.amqp.address import BadAddress
from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.settings import SettingsError, load

DEFAULT = "/etc/synnefo/ganetid.toml"
_log = Logger()


class Options(UsageOptions):
    """The command line."""

    optParameters = [["config", "c", DEFAULT, "The settings file."]]


def makeService(options: Options) -> IService:
    """
    ganetid with its link to the broker.

    Raises UsageError, one line, when the settings can't be used.
    """
    try:
        settings = load(options["config"], GanetiSettings)
        parent = MultiService()
        publisher = _publisher(settings, parent)
        ganetid = build_service(settings, reactor, publisher)
    except (SettingsError, BadAddress) as error:
        raise UsageError(str(error)) from error
    ganetid.setServiceParent(parent)
    ganetid.when_ready().addErrback(_give_up)
    return parent


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
    loop: Any = reactor
    loop.addSystemEventTrigger("after", "shutdown", lambda: sys.exit(1))
    loop.callLater(0, loop.stop)

"""
SIGHUP: the operator has changed files that are to be read again.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger


class Hangup(Service):
    """
    While it runs, SIGHUP does not end this process but calls `reload`, in the reactor.

    There is one handler in a process: for daemons that have it to themselves.
    """

    name = "hangup"
    _log = Logger()

    def __init__(self, reactor: Any, reload: Callable[[], None]) -> None:
        self._reactor = reactor
        self._reload = reload
        self._former: Any = signal.SIG_DFL

    def startService(self) -> None:
        """Begin to listen for it."""
        super().startService()
        self._former = signal.signal(signal.SIGHUP, self._caught)

    def stopService(self) -> None:
        """Whatever it did before, it does again."""
        super().stopService()
        signal.signal(signal.SIGHUP, self._former)

    def _caught(self, *_: Any) -> None:
        self._reactor.callFromThread(self._heard)

    def _heard(self) -> None:
        self._log.info("SIGHUP: reading again what can be")
        self._reload()

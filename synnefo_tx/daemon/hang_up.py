"""
SIGHUP: look again at what is kept in memory.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service


class HangUp(Service):
    """
    Calls `act` in the reactor at each SIGHUP, which would else end the process.
    """

    def __init__(self, reactor: Any, act: Callable[[], None]) -> None:
        self._reactor = reactor
        self._act = act

    def startService(self) -> None:
        super().startService()
        self._reactor.callWhenRunning(self._listen)

    def _listen(self) -> None:
        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._heard))

    def _heard(self) -> None:
        if self.running:
            self._act()

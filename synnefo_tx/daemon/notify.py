"""
What systemd is told of a service of Type=notify: that it is ready, and that it lives.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger


class Notifier(Service):
    """
    Tells the socket in NOTIFY_SOCKET; without that variable it does nothing.

    well: asked before each sign of life; False withholds it, so that systemd's watchdog acts.
    Source: sd_notify(3) and sd_watchdog_enabled(3) of systemd 252.
    """

    _log = Logger()

    def __init__(self, reactor: Any, well: Callable[[], bool] = lambda: True) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._well = well
        self._signs = LoopingCall(self._sign)
        self._signs.clock = reactor

    def stopService(self) -> None:
        super().stopService()
        if self._signs.running:
            self._signs.stop()
        self._tell("STOPPING=1")

    def ready(self) -> None:
        """
        The service serves.  From now on systemd waits for signs of life.
        """
        self._tell("READY=1")
        period = os.environ.get("WATCHDOG_USEC", "")
        if self.running and self._address and period.isdigit() and int(period):
            self._signs.start(int(period) / 2e6)

    def _sign(self) -> None:
        if self._well():
            self._tell("WATCHDOG=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
            telling.setblocking(False)
            try:
                telling.sendto(text.encode(), address)
            except OSError:
                self._log.failure("systemd was not told {text}", text=text)

"""
A worker's end of the pipe to its parent: a letter when it serves, then one each second.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

LISTENER, LINK = 3, 4  # descriptors in a worker
READY, ALIVE = b"r", b"a"
BEAT_S = 1.0


class WorkerLink(Service):
    """
    Ends this process when the parent is gone: then nobody reads.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._beat = LoopingCall(self._tell, ALIVE)
        self._beat.clock = reactor
        os.set_blocking(LINK, False)

    def startService(self) -> None:
        super().startService()
        self._beat.start(BEAT_S)

    def stopService(self) -> None:
        super().stopService()
        if self._beat.running:
            self._beat.stop()

    def ready(self) -> None:
        """
        This worker serves.
        """
        self._tell(READY)

    def _tell(self, letter: bytes) -> None:
        try:
            os.write(LINK, letter)
        except BlockingIOError:
            pass  # the parent is slow, not gone
        except OSError:
            if self._reactor.running:
                self._reactor.stop()

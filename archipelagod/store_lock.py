"""
The lock on a file store: one daemon and its workers at a time.
"""

from __future__ import annotations

import fcntl
import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from archipelagod.wire.errors import StorageUnavailable

RETRY_S = 0.05
WAIT_S = 60.0


class StoreLock:
    """
    A descriptor that holds the lock; workers inherit it, so a store is free only when the last
    worker of a killed daemon is gone.
    """

    _log = Logger()

    def __init__(self, path: str) -> None:
        self._path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    async def acquire(self, reactor: Any) -> None:
        """
        Waits for the lock, at most a minute.  Raises StorageUnavailable.
        """
        deadline_s = reactor.seconds() + WAIT_S
        has_waited = False
        while not self._try():
            if not has_waited:
                self._log.info("{path} is held by another process: waiting", path=self._path)
                has_waited = True
            if reactor.seconds() > deadline_s:
                raise StorageUnavailable(f"{self._path} is held by another daemon")
            pause: Deferred[None] = Deferred()
            reactor.callLater(RETRY_S, pause.callback, None)
            await pause

    def _try(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """
        Lets go; the lock is free once the workers did too.
        """
        os.close(self.fd)

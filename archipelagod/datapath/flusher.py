"""
Group commit: flushes that wait are done together.  Standard library only.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError


class Flusher:
    """
    A thread that flushes one volume.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._waiting: deque[Callable[[bool], None]] = deque()
        self._wake = threading.Condition()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        self._thread.start()

    def submit(self, done: Callable[[bool], None]) -> None:
        """
        Calls ``done`` in the flusher's thread, with whether everything written before this call is
        on stable storage.  ``done`` must neither raise nor wait.
        """
        with self._wake:
            self._waiting.append(done)
            self._wake.notify()

    def stop(self) -> None:
        """
        Ends the thread once nothing waits.
        """
        with self._wake:
            self._is_stopped = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._is_stopped:
                    self._wake.wait()
                group = list(self._waiting)
                self._waiting.clear()
            if not group:
                return
            is_done = self._has_done(self._volume.flush)
            for done in group:
                done(is_done)
            if self._volume.wants_sync and not self._waiting:
                self._has_done(self._volume.sync)

    def _has_done(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except (StorageError, OSError):
            return False
        return True

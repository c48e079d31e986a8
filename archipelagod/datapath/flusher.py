"""
Group commit: flushes that wait are done together.  Standard library only.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from archipelagod.datapath.counts import FLUSH, Tally
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError

Done = Callable[[bool], None]


class Flusher:
    """
    Flushes one volume, in a thread that begins with the first flush.

    groups: flushes of the volume so far.  largest: most requests that one of them answered.
    """

    def __init__(self, volume: Volume, tally: Tally) -> None:
        self.groups = 0
        self.largest = 0
        self._volume = volume
        self._tally = tally
        self._waiting: SimpleQueue[tuple[int, Done] | None] = SimpleQueue()  # None: the last
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, done: Done) -> None:
        """
        Calls ``done`` in the flusher's thread, with whether everything written before this call is
        on stable storage.  ``done`` must neither raise nor wait.
        """
        self._waiting.put((time.monotonic_ns(), done))
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
                    self._thread.start()

    def stop(self) -> None:
        """
        Ends the thread once nothing waits.  Nothing may be submitted any more.
        """
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        counts = self._tally.begin()
        is_last = False
        while not is_last:
            group, is_last = self._next_group()
            if not group:
                continue
            self.groups += 1
            self.largest = max(self.largest, len(group))
            is_done = self._has_done(self._volume.flush)
            now = time.monotonic_ns()
            for since, done in group:
                counts.took([FLUSH], now - since)
                counts.errors[FLUSH] += not is_done
                done(is_done)
            if self._volume.wants_sync and self._waiting.empty():
                self._has_done(self._volume.sync)
        self._tally.end(counts)

    def _next_group(self) -> tuple[list[tuple[int, Done]], bool]:
        """
        All that waits, once something does; and whether nothing will follow.
        """
        group = [self._waiting.get()]
        while not self._waiting.empty():
            group.append(self._waiting.get())
        return [each for each in group if each is not None], None in group

    def _has_done(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except (StorageError, OSError) as error:
            sys.stderr.write(f"{self._volume.name}: {error}\n")
            return False
        return True

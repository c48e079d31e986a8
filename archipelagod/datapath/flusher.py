"""
Group commit: flushes that wait are done together.  Standard library only.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from archipelagod.datapath.complaints import Complaints
from archipelagod.datapath.counts import FLUSH, Tally
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError

Done = Callable[[bool], None]


class Direct(Protocol):
    """
    Flushes that Python did not see, and whose askers know themselves what to answer.
    """

    def wait_for_flushes(self) -> int:
        """Returns when some wait, or after ``wake``: so many are to be performed now."""

    def wake(self) -> None:
        """Makes ``wait_for_flushes`` return."""

    def flushed(self, is_done: bool) -> None:
        """Answers, and counts, those that were to be performed."""


class Flusher:
    """
    Flushes one volume, in a thread that begins with the first flush.

    groups: flushes of the volume so far.  largest: most requests that one of them answered.
    """

    def __init__(
        self, volume: Volume, tally: Tally, complaints: Complaints, direct: Direct | None = None
    ) -> None:
        self.groups = 0
        self.largest = 0
        self._volume = volume
        self._tally = tally
        self._complaints = complaints
        self._direct = direct
        self._waiting: SimpleQueue[tuple[int, Done] | None] = SimpleQueue()  # None: the last
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._writing: threading.Thread | None = None

    def submit(self, done: Done) -> None:
        """
        Calls ``done`` in the flusher's thread, with whether everything written before this call is
        on stable storage.  ``done`` must neither raise nor wait.
        """
        self._put((time.monotonic_ns(), done))
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
                    self._thread.start()

    def stop(self) -> None:
        """
        Ends the thread once nothing waits.  Nothing may be submitted any more.
        """
        self._put(None)
        if self._thread is not None:
            self._thread.join()
        if self._writing is not None and self._writing.is_alive():
            self._writing.join()

    def _put(self, what: tuple[int, Done] | None) -> None:
        self._waiting.put(what)
        if self._direct is not None:
            self._direct.wake()

    def _run(self) -> None:
        counts = self._tally.begin()
        is_last = False
        while not is_last:
            group, is_last, direct = self._next_group()
            if not group and not direct:
                continue
            self.groups += 1
            self.largest = max(self.largest, len(group) + direct)
            is_done = self._has_done(self._volume.flush)
            counts.errors[FLUSH] += 0 if is_done else len(group) + direct
            if self._direct is not None:
                self._direct.flushed(is_done)
            now = time.monotonic_ns()
            for since, done in group:
                counts.took([FLUSH], now - since)
                done(is_done)
            if self._volume.wants_sync and self._waiting.empty():
                self._has_done(self._volume.sync)
            elif self._volume.wants_writing:
                self._write_ahead()
        self._tally.end(counts)

    def _write_ahead(self) -> None:
        if self._writing is None or not self._writing.is_alive():
            self._writing = threading.Thread(
                target=self._volume.start_writing, name="writer", daemon=True
            )
            with contextlib.suppress(RuntimeError):  # too many threads: it is a help, no more
                self._writing.start()

    def _next_group(self) -> tuple[list[tuple[int, Done]], bool, int]:
        """
        All that waits, once something does; whether nothing will follow; how many Python does not
        see.
        """
        direct = 0
        group: list[tuple[int, Done] | None] = []
        if self._direct is None:
            group.append(self._waiting.get())
        else:
            direct = self._direct.wait_for_flushes()
        while not self._waiting.empty():
            group.append(self._waiting.get())
        return [each for each in group if each is not None], None in group, direct

    def _has_done(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except (StorageError, OSError) as error:
            self._complaints.tell(error)
            return False
        return True

"""
Group commit: flushes that wait are done together.  Standard library only.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple, Protocol

from archipelagod.datapath.complaints import Complaints
from archipelagod.datapath.counts import FLUSH, Counts, Tally
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError

GROUPS = 4  # of flushes of a volume that are under way at once; see stores.file_records.SYNCS
SLOW_S = 0.004  # a medium that takes longer is asked for several at once
WEIGHT = 0.1  # of the latest in the time that a flush takes

Done = Callable[[bool], None]


class Direct(Protocol):
    """
    Flushes that Python did not see, and whose askers know themselves what to answer.

    group: 0 to GROUPS - 1; a thread that performs flushes has its own.
    """

    def wait_for_flushes(self, group: int) -> int:
        """Returns when some wait, or after ``wake``: so many are to be performed now."""

    def wake(self) -> None:
        """Makes ``wait_for_flushes`` return."""

    def flushed(self, group: int, is_done: bool) -> None:
        """Answers, and counts, those that were to be performed."""


class _Group(NamedTuple):
    """
    Flushes that are performed together: those that Python sees, and the number of others.
    """

    seen: list[tuple[int, Done]]
    direct: int

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.seen) + self.direct


class Flusher:
    """
    Flushes one volume, in a thread that begins with the first flush.  More come while all are at
    work and the medium is slow: on a fast one they would only make the groups smaller, which cost
    a third of the rate when it was measured.

    Threads take turns: one waits for flushes and begins with those that there are; while it waits
    for the medium the next one does.

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
        self._turn = threading.Lock()
        self._is_ended = False
        self._lock = threading.Lock()  # of figures and answers: askers hear of one group at a time
        self._busy = 0  # threads that have a group
        self._takes_s = 0.0  # a flush, of late
        self._threads: list[threading.Thread] = []
        self._tidying: threading.Thread | None = None

    def submit(self, done: Done) -> None:
        """
        Calls ``done`` in a thread of the flusher, with whether everything written before this call
        is on stable storage.  ``done`` must neither raise nor wait.
        """
        self._put((time.monotonic_ns(), done))
        if not self._threads:
            with self._lock:
                if not self._threads:
                    self._start_thread()

    def stop(self) -> None:
        """
        Ends the threads once nothing waits.  Nothing may be submitted any more.
        """
        self._put(None)
        for thread in self._threads:  # it grows no more once they were joined: one starts the next
            thread.join()
        if self._tidying is not None and self._tidying.is_alive():
            self._tidying.join()

    def _put(self, what: tuple[int, Done] | None) -> None:
        self._waiting.put(what)
        if self._direct is not None:
            self._direct.wake()

    def _start_thread(self) -> None:
        number = len(self._threads)
        thread = threading.Thread(target=self._run, args=(number,), name="flusher", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _run(self, number: int) -> None:
        counts = self._tally.begin()
        while True:
            with self._turn:
                if self._is_ended:
                    break
                group = self._next_group(number)
                if not group.size:
                    continue
                finish = self._begin(group)
            since = time.monotonic()
            is_done = self._has_done(finish)
            with self._lock:
                self._takes_s += WEIGHT * (time.monotonic() - since - self._takes_s)
                self._answer(number, group, counts, is_done=is_done)
                self._busy -= 1
            if self._volume.wants_tidying:
                self._tidy()
        self._tally.end(counts)

    def _next_group(self, number: int) -> _Group:
        """
        All that waits, once something does.
        """
        direct = 0
        found: list[tuple[int, Done] | None] = []
        if self._direct is None:
            found.append(self._waiting.get())
        else:
            direct = self._direct.wait_for_flushes(number)
        while not self._waiting.empty():
            found.append(self._waiting.get())
        self._is_ended = None in found
        return _Group([each for each in found if each is not None], direct)

    def _begin(self, group: _Group) -> Callable[[], None]:
        """
        What remains to be done, outside of the turn.
        """
        with self._lock:
            self.groups += 1
            self.largest = max(self.largest, group.size)
            self._busy += 1
            wanted = self._takes_s > SLOW_S and not self._is_ended
            if wanted and self._busy == len(self._threads) < GROUPS:
                with contextlib.suppress(RuntimeError):  # too many threads: these have to do
                    self._start_thread()
        try:
            commit = self._volume.begin_flush()
        except (StorageError, OSError) as error:
            return partial(_fail, error)
        return lambda: self._volume.finish_flush(commit)

    def _answer(self, number: int, group: _Group, counts: Counts, *, is_done: bool) -> None:
        counts.errors[FLUSH] += 0 if is_done else group.size
        if self._direct is not None:
            self._direct.flushed(number, is_done)
        now = time.monotonic_ns()
        for since, done in group.seen:
            counts.took([FLUSH], now - since)
            done(is_done)

    def _tidy(self) -> None:
        """
        What nobody waits for, in a thread of its own.
        """
        with self._lock:
            if self._tidying is not None and self._tidying.is_alive():
                return
            self._tidying = threading.Thread(
                target=self._has_done, args=(self._volume.tidy,), name="tidying", daemon=True
            )
            with contextlib.suppress(RuntimeError):  # too many threads: it is a help, no more
                self._tidying.start()

    def _has_done(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except (StorageError, OSError) as error:
            self._complaints.tell(error)
            return False
        return True


def _fail(error: Exception) -> None:
    raise error

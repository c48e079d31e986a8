"""
Flushes of a volume that are under way at once.
"""

from __future__ import annotations

import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import open_memory_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.wire.errors import StorageUnavailable

WHILE_S = 0.1  # in which what does not wait would be done


class SlowLog:
    """
    A log whose first sync waits for us, and then succeeds or not; later ones find nothing to do.
    """

    def __init__(self, log: Any) -> None:
        self.append, self.restart, self.close = log.append, log.restart, log.close
        self.is_asked = threading.Event()
        self.may_go = threading.Event()
        self.error: OSError | None = None

    def sync(self) -> None:
        """See ILog."""
        if self.is_asked.is_set():
            return
        self.is_asked.set()
        self.may_go.wait(20)
        if self.error is not None:
            raise self.error


class TogetherTests(SynchronousTestCase):
    """A write, a flush that takes its time, and another flush."""

    def setUp(self) -> None:
        """The first flush is under way."""
        store = open_memory_store()
        sessions = Sessions(store)
        Catalogue(store, sessions, lambda: 0.0).create("v", 2 * OBJECT_BYTES)
        self.volume = open_volume(store, "v", sessions.fresh())
        for place in (0, OBJECT_BYTES):
            self.volume.write(place, b"old")
        self.volume.flush()
        journal = self.volume.map.journal
        self.log = SlowLog(journal._log)
        journal._log = self.log  # type: ignore[assignment]
        for place in (0, OBJECT_BYTES):
            self.volume.write(place, b"new")
        self.ended: list[str] = []
        self.first = self.flushing("first")
        self.assertTrue(self.log.is_asked.wait(20))

    def flushing(self, name: str) -> threading.Thread:
        """A flush, in a thread that says how it ended."""

        def flush() -> None:
            commit = self.volume.begin_flush()
            try:
                self.volume.finish_flush(commit)
                self.ended.append(name)
            except StorageUnavailable:
                self.ended.append(f"{name} failed")

        thread = threading.Thread(target=flush)
        thread.start()
        return thread

    def end(self, *threads: threading.Thread) -> None:
        """They go on, and end."""
        self.assertEqual(self.ended, [])
        self.log.may_go.set()
        for thread in threads:
            thread.join(20)

    def test_nothing_new(self) -> None:
        """A flush after which there is nothing new waits for the one that has it."""
        second = self.flushing("second")
        second.join(WHILE_S)
        self.end(second, self.first)
        self.assertEqual(sorted(self.ended), ["first", "second"])

    def test_failed(self) -> None:
        """When that fails the other fails too, though the medium complains only once."""
        self.log.error = OSError(5, "bad medium")
        self.volume.write(0, b"newer")
        second = self.flushing("second")
        second.join(WHILE_S)
        self.end(second, self.first)
        self.assertEqual(sorted(self.ended), ["first failed", "second failed"])

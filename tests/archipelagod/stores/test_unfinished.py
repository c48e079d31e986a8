"""
What killed writers leave.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores import unfinished
from archipelagod.stores.file_records import FileRecords
from archipelagod.stores.store import open_file_store, remove_unfinished
from archipelagod.stores.unfinished import ABANDONED_S, Unfinished
from tests.archipelagod.stores.bare_python import said, start_python

WRITING = """
import os, signal
from archipelagod.stores.unfinished import Unfinished
Unfinished(sys.argv[1]).write(b"half")
print("written", flush=True)
signal.pause()
"""


class UnfinishedTests(SynchronousTestCase):
    """Who may remove what."""

    def setUp(self) -> None:
        """A store's directory."""
        self.root = os.path.abspath(self.mktemp())
        self.store = open_file_store(self.root)
        self.part = f"{self.root}/records"

    def left(self) -> list[str]:
        """Names of the unfinished files."""
        return os.listdir(f"{self.part}/~")

    def test_killed(self) -> None:
        """What a killed process left goes; what a living one writes stays."""
        living = start_python(self, WRITING, self.part)
        killed = start_python(self, WRITING, self.part)
        for process in (living, killed):
            self.assertEqual(said(process), "written")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        self.assertEqual(len(self.left()), 2)
        self.assertEqual(remove_unfinished(self.root), 1)
        self.assertEqual(len(self.left()), 1)
        self.assertIn(f".{living.pid}.", self.left()[0])

    def test_of_this_process(self) -> None:
        """What this process is writing stays."""
        _, fd = Unfinished(self.part).write(b"half")
        self.addCleanup(os.close, fd)
        open_file_store(self.root, is_ours=True)
        self.assertEqual(len(self.left()), 1)

    def test_of_another_host(self) -> None:
        """What another host may be writing goes after a day."""
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        path, fd = Unfinished(self.part).write(b"half")
        os.close(fd)
        for number, age_s in enumerate((0, ABANDONED_S - 60, ABANDONED_S + 60)):
            name = f"{self.part}/~/0badc0de.{ended.pid}.{number}"
            os.link(path, name)
            os.unlink(name)
            with open(name, "wb"):
                pass
            then = os.stat(name).st_mtime - age_s
            os.utime(name, (then, then))
        os.unlink(path)
        self.assertEqual(remove_unfinished(self.root), 1)
        self.assertEqual(sorted(name[-1] for name in self.left()), ["0", "1"])

    def test_strange_names(self) -> None:
        """A file that nobody here would make stays until it is old."""
        os.makedirs(f"{self.part}/~")
        for name in ("x", f"{unfinished._place()}.x.1", f"{unfinished._place()}.1.1"):
            with open(f"{self.part}/~/{name}", "wb"):
                pass
        self.assertEqual(remove_unfinished(self.root), 0)

    def test_no_value(self) -> None:
        """An unfinished file is no value."""
        records = FileRecords(self.part)
        records.put("maps", "a", b"A")
        _, fd = Unfinished(self.part).write(b"half")
        os.close(fd)
        self.assertEqual(records.names("maps"), ["a"])

    def test_nothing_to_remove(self) -> None:
        """A store that never had one has none to remove."""
        self.assertEqual(remove_unfinished(self.mktemp()), 0)

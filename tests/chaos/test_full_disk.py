"""
A disk that is full: writes say so, nothing is damaged, and all goes on when there is space again.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from archipelagod.nbd import numbers as n
from archipelagod.wire.errors import NoSpace, StorageError
from tests.chaos.blocks import WRITE
from tests.chaos.daemon import Daemon
from tests.chaos.invariants import objects_in, problems
from tests.chaos.load import attached
from tests.chaos.model import Disk
from tests.chaos.mounts import LoopMount, MemoryMount, cannot_loop, cannot_mount
from tests.chaos.nbd_connection import NbdConnection
from tests.chaos.stamps import BLOCK, stamp
from tests.chaos.verdicts import complaints, content

MIB = 1 << 20
CHUNK = 64  # blocks


class FullDiskCase:
    """
    A daemon on a small file system, with the volumes "filler", "kept" and "v".
    """

    def __init__(self, test: SynchronousTestCase, mount: MemoryMount | LoopMount) -> None:
        self.test = test
        self.directory = tempfile.mkdtemp(prefix="full")
        test.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.daemon = Daemon(self.directory, mount.path)
        test.addCleanup(self.daemon.end)
        self.other = f"{mount.path}/other"
        self.daemon.start()
        self.disks = {
            name: Disk(name, number, 64 * MIB)
            for number, name in enumerate(("filler", "kept", "v"), 1)
        }
        self.control = self.daemon.control()
        test.addCleanup(lambda: self.control.close())
        for disk in self.disks.values():
            self.control.create(disk.name, disk.size_bytes)

    def write(self, connection: NbdConnection, disk: Disk, first: int) -> int:
        """Writes a chunk of blocks; the error, or 0."""
        blocks = range(first, first + CHUNK)
        value, ops = disk.begin(WRITE, blocks)
        data = b"".join(stamp(value, block) for block in blocks)
        connection.send(n.CMD_WRITE, first * BLOCK, len(data), data)
        reply = connection.receive()
        if reply.error:
            disk.failed(ops)
        else:
            disk.acknowledge(ops)
        return reply.error

    def fill(self, connection: NbdConnection, disk: Disk, most: int = 10**6) -> int:
        """Writes until it fails; the error."""
        for first in range(0, min(disk.size_bytes // BLOCK, most), CHUNK):
            error = self.write(connection, disk, first)
            if error:
                return error
        return 0

    def flush(self, connection: NbdConnection, disk: Disk) -> int:
        """Flushes; the error, or 0."""
        safe = disk.flushing()
        connection.send(n.CMD_FLUSH, 0, 0)
        error = connection.receive().error
        if not error:
            disk.flushed(safe)
        return error

    def check(self) -> None:
        """Every volume holds what it may."""
        for disk in self.disks.values():
            connection = attached(self.daemon, disk.name)
            found, bad = content(connection.read, connection.size_bytes)
            connection.leave()
            self.test.assertEqual(bad, [])
            self.test.assertEqual(complaints(disk, found), [])

    def free(self) -> None:
        """Deletes the filler, and waits for its space."""
        before = shutil.disk_usage(self.daemon.state_dir).free
        self.control.delete("filler")
        del self.disks["filler"]
        deadline_s = time.monotonic() + 20
        while shutil.disk_usage(self.daemon.state_dir).free < before + 4 * MIB:
            self.test.assertLess(time.monotonic(), deadline_s, "the space did not come back")
            time.sleep(0.05)


class FullDiskTests(SynchronousTestCase):
    """On a tmpfs, and on ext4."""

    def on_tmpfs(self) -> FullDiskCase:
        """On a file system in memory."""
        reason = cannot_mount()
        if reason is not None:
            raise SkipTest(reason)
        directory = tempfile.mkdtemp(prefix="full")
        mount = MemoryMount(f"{directory}/m", 40 * MIB)
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.addCleanup(mount.end)
        return FullDiskCase(self, mount)

    def on_ext4(self) -> FullDiskCase:
        """On a file system in a file."""
        directory = tempfile.mkdtemp(prefix="full")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        reason = cannot_loop(directory)
        if reason is not None:
            raise SkipTest(reason)
        mount = LoopMount(f"{directory}/m", 48 * MIB)
        self.addCleanup(mount.end)
        return FullDiskCase(self, mount)

    def test_tmpfs(self) -> None:
        """Full, then space, then full and killed."""
        self._fill_and_free(self.on_tmpfs())

    def test_ext4(self) -> None:
        """The same where blocks are taken only when data is written back."""
        self._fill_and_free(self.on_ext4())

    def _fill_and_free(self, case: FullDiskCase) -> None:
        filler = attached(case.daemon, "filler")
        kept = attached(case.daemon, "kept")
        volume = attached(case.daemon, "v")
        self.assertEqual(case.fill(kept, case.disks["kept"], 512), 0)
        self.assertEqual(case.flush(kept, case.disks["kept"]), 0)
        self.assertEqual(case.fill(filler, case.disks["filler"], 3072), 0)
        self.assertEqual(case.flush(filler, case.disks["filler"]), 0)
        self.assertEqual(case.fill(volume, case.disks["v"]), n.ENOSPC)
        self.assertEqual(case.write(volume, case.disks["v"], 8192), n.ENOSPC)
        self.assertRaises((NoSpace, StorageError), self._fill_control, case)
        for connection in (kept, volume, filler):
            connection.leave()
        case.check()
        case.free()
        volume = attached(case.daemon, "v")
        self.assertEqual(case.write(volume, case.disks["v"], 8192), 0)
        self.assertEqual(case.flush(volume, case.disks["v"]), 0)
        case.fill(volume, case.disks["v"])
        self._die_full(case)

    def _fill_control(self, case: FullDiskCase) -> None:
        for number in range(100_000):
            case.control.create(f"more{number}", MIB)
            case.disks[f"more{number}"] = Disk(f"more{number}", 100 + number, MIB)

    def _die_full(self, case: FullDiskCase) -> None:
        case.daemon.kill_all()
        self.assertEqual(problems(case.daemon.store, is_settled=False), [])
        with contextlib.suppress(OSError), open(case.other, "ab", 0) as file:
            while True:
                file.write(bytes(BLOCK))
        case.daemon.start()
        case.check()  # all can be read, and deleted, where there is no space at all
        case.control = case.daemon.control()
        for name in [name for name in case.disks if name.startswith("more")]:
            case.control.delete(name)
            del case.disks[name]
        case.check()
        for name in case.control.names():
            case.control.delete(name)
        case.control.collect()
        case.daemon.stop()
        self.assertEqual(problems(case.daemon.store, is_settled=True), [])
        self.assertEqual(objects_in(case.daemon.store), set())

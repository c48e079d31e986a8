"""
Records as files: processes, NFS, and speed.
"""

from __future__ import annotations

import errno
import os
import random
import threading
import time
import zlib

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores import file_records, listing, unfinished
from archipelagod.stores.doubt import InDoubt
from archipelagod.stores.file_records import FileRecords
from tests.archipelagod.stores.bare_python import said, start_python, tell

CREATING = """
from archipelagod.stores.file_records import FileRecords
records = FileRecords(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
made = 0
for number in range(100):
    try:
        records.create("maps", str(number), sys.argv[2].encode())
        made += 1
    except FileExistsError:
        pass
    try:
        records.move("from", f"{sys.argv[2]}-{number}", "to", str(number))
    except FileExistsError:
        pass
print(made, flush=True)
"""


class FileRecordsTests(SynchronousTestCase):
    """What is special about files."""

    def setUp(self) -> None:
        """A directory."""
        self.root = os.path.abspath(self.mktemp())
        self.records = FileRecords(self.root)

    def test_processes_create_and_move(self) -> None:
        """Of processes that make the same names one has each; nothing is lost or replaced."""
        for process in "abc":
            for number in range(100):
                self.records.put("from", f"{process}-{number}", process.encode())
        racing = [start_python(self, CREATING, self.root, name) for name in "abc"]
        for process in racing:
            self.assertEqual(said(process), "ready")
        for process in racing:
            tell(process, "go")
        self.assertEqual(sum(int(said(process)) for process in racing), 100)
        self.assertEqual(len(self.records.names("maps")), 100)
        self.assertEqual(len(self.records.names("to")), 100)
        self.assertEqual(len(self.records.names("from")), 200)
        for number in range(100):
            winner = self.records.get("to", str(number)).decode()
            self.assertNotIn(f"{winner}-{number}", self.records.names("from"))

    def test_changes_of_others(self) -> None:
        """Names that another process makes and removes are seen."""
        other = FileRecords(self.root)
        for number in range(50):
            other.put("maps", str(number), b"")
            self.assertEqual(len(self.records.names("maps")), number + 1)
        for number in range(50):
            other.remove("maps", str(number))
            self.assertEqual(len(self.records.names("maps")), 49 - number)

    def test_pages_of_two(self) -> None:
        """Whatever two processes do, each sees at once what there is, page by page."""
        chance = random.Random(5)
        both = [self.records, FileRecords(self.root)]
        there: set[str] = set()
        for _ in range(300):
            one, name = chance.choice(both), str(chance.randrange(40))
            if name in there and chance.random() < 0.3:
                one.move("maps", name, "deleted", name)
                one.remove("deleted", name)
                there.discard(name)
            elif name in there:
                one.remove("maps", name)
                there.discard(name)
            else:
                one.create("maps", name, b"")
                there.add(name)
            for each in both:
                self.assertEqual(each.names("maps"), sorted(there))
                behind = [name for name in sorted(there) if name > "2"]
                self.assertEqual(each.names("maps", "2", 3), behind[:3])

    def test_one_change_reads_one_directory(self) -> None:
        """After a change a page reads no more than the directory that changed."""
        for number in range(200):
            self.records.create("maps", str(number), b"")
        time.sleep(0.15)  # younger directories are read anew
        self.records.names("maps")
        read: list[object] = []
        listdir = os.listdir

        def counted(path: str | int) -> list[str]:
            read.append(path)
            return listdir(path)

        self.patch(listing.os, "listdir", counted)
        self.records.remove("maps", "77")
        self.assertEqual(len(self.records.names("maps")), 199)
        directories = [path for path in read if isinstance(path, str)]
        self.assertEqual(directories, [os.path.dirname(self.path("maps", "77"))])

    def without_rename(self) -> None:
        """As NFS: there is no rename that spares what is there."""

        def cannot(source: str, target: str) -> None:
            raise OSError(errno.EINVAL, "no such call")

        self.patch(file_records, "rename_new", cannot)

    def test_move_by_links(self) -> None:
        """Without the system call a move neither replaces nor loses anything."""
        self.without_rename()
        self.records.put("maps", "a", b"A")
        self.records.put("maps", "b", b"B")
        self.assertRaises(FileExistsError, self.records.move, "maps", "a", "maps", "b")
        self.assertRaises(FileNotFoundError, self.records.move, "maps", "c", "maps", "d")
        self.records.move("maps", "a", "deleted", "c")
        self.assertEqual(self.records.get("deleted", "c"), b"A")
        self.assertEqual(self.records.names("maps"), ["b"])

    def test_move_by_links_cut_short(self) -> None:
        """A move that stopped when the value had both names is finished by the next."""
        self.without_rename()
        self.records.put("maps", "a", b"A")
        self.records.put("deleted", "z", b"")
        source, target = self.path("maps", "a"), self.path("deleted", "b")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(source, target)
        self.records.move("maps", "a", "deleted", "b")
        self.assertEqual(self.records.names("maps"), [])
        self.assertEqual(self.records.get("deleted", "b"), b"A")

    def path(self, room: str, name: str) -> str:
        """Where a record is."""
        return f"{self.root}/{room}/{zlib.crc32(name.encode()) & 0xFF:02x}/{name}"

    def test_create_asked_twice(self) -> None:
        """NFS may do what is asked, lose the answer, and say that the name is taken."""
        link = os.link

        def forgetful(source: str, target: str) -> None:
            link(source, target)
            raise FileExistsError(errno.EEXIST, "so it is")

        self.patch(unfinished.os, "link", forgetful)
        self.records.create("maps", "a", b"A")
        self.assertEqual(self.records.get("maps", "a"), b"A")

    def test_failed_sync(self) -> None:
        """A value that can't be made stable is not there."""

        def fail(fd: int) -> None:
            raise OSError(errno.EIO, "bad medium")

        self.records.put("maps", "a", b"old")
        self.patch(unfinished.os, "fdatasync", fail)
        self.assertRaises(OSError, self.records.put, "maps", "a", b"new")
        self.assertRaises(OSError, self.records.create, "maps", "b", b"new")
        self.assertEqual(self.records.get("maps", "a"), b"old")
        self.assertEqual(self.records.names("maps"), ["a"])
        self.assertEqual(os.listdir(f"{self.root}/~"), [])

    def test_log_syncs_at_once(self) -> None:
        """Syncs that overlap use open files of their own: each hears of failures."""
        log = self.records.log("journals", "1", b"")
        both = threading.Barrier(2, timeout=20)
        used: list[int] = []

        def sync(fd: int) -> None:
            used.append(fd)
            both.wait()

        self.patch(file_records.os, "fdatasync", sync)
        threads = [threading.Thread(target=log.sync) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(used)), 2)
        log.close()

    def test_log_fails_to_sync(self) -> None:
        """A log says when it is not stable."""
        log = self.records.log("journals", "1", b"")

        def fail(fd: int) -> None:
            raise OSError(errno.EIO, "bad medium")

        self.patch(file_records.os, "fdatasync", fail)
        self.assertRaises(OSError, log.sync)
        log.close()

    def test_log_not_taken_back(self) -> None:
        """An append that fails, and can't be taken back, leaves it open what the log has."""

        def failing(*_: object) -> None:
            raise OSError(errno.EIO, "no")

        log = self.records.log("journals", "1", b"start")
        self.addCleanup(log.close)
        self.patch(file_records, "write_at", failing)
        error = self.assertRaises(OSError, log.append, b"x")
        self.assertNotIsInstance(error, InDoubt)
        self.patch(file_records.os, "ftruncate", failing)
        self.assertRaises(InDoubt, log.append, b"x")

    def test_view_is_lazy(self) -> None:
        """A view of a large value costs no reading, and no memory of ours."""
        with open(self.sparse("big"), "wb") as file:
            file.truncate(1 << 33)
        began_s = time.process_time()
        view = self.records.view("bodies", "big")
        view[1 << 32] = 7
        self.assertLess(time.process_time() - began_s, 0.5)
        self.assertEqual((len(view), view[1 << 32], view[5]), (1 << 33, 7, 0))

    def sparse(self, name: str) -> str:
        """The path of a record in ``bodies``, whose directory is there."""
        path = self.path("bodies", name)
        os.makedirs(os.path.dirname(path))
        return path

    def test_pages_cost_little(self) -> None:
        """A page of 100,000 names costs milliseconds, once they were read."""
        for number in range(100_000):
            name = f"volume-{number:06}"
            path = self.path("maps", name)
            try:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path))
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        time.sleep(0.15)  # younger directories are read anew
        self.assertEqual(len(self.records.names("maps")), 100_000)
        costs = []
        for _ in range(9):
            began_s = time.perf_counter()
            found = self.records.names("maps", "volume-049999", 100)
            costs.append(time.perf_counter() - began_s)
            self.assertEqual(found[0], "volume-050000")
        self.assertLess(sorted(costs)[4], 0.02, "median of a page")

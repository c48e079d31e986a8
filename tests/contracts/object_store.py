"""
What every store must do with objects and records; of blocks and leases tell
``tests.contracts.blocks`` and ``tests.contracts.leases``.  ``object_store_tests(make_store)`` is a
TestCase.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from archipelagod.stores.declarations import declared
from archipelagod.stores.interface import ILog, IObjects, IRecords
from archipelagod.stores.store import Store

SESSION = 7 << 32

changes = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 9000), st.binary(min_size=1, max_size=5000)),
        st.tuples(st.just("zero"), st.integers(0, 9000), st.integers(1, 9000)),
    ),
    max_size=8,
)


def content(store: Store, oid: int, size: int) -> bytes:
    """
    The first ``size`` bytes of an object, fewer if it is shorter.
    """
    found = bytearray(size)
    count = store.objects.read_into(oid, 0, memoryview(found))
    return bytes(found[:count])


def object_store_tests(  # noqa: C901 - a class of small tests
    make_store: Callable[[SynchronousTestCase], Store],
) -> type[SynchronousTestCase]:
    """
    The suite for one kind of store.

    make_store: a new, empty store, cleaned up by the test case given.
    """

    class ObjectStoreTests(SynchronousTestCase):
        """
        The contract of IObjects, IRecords and ILog.
        """

        def setUp(self) -> None:
            """A store."""
            self.assertTrue(declared)
            self.store = make_store(self)

        def test_interface(self) -> None:
            """Objects, records, and a log, provide their interfaces."""
            verifyObject(IObjects, self.store.objects)
            verifyObject(IRecords, self.store.records)
            verifyObject(ILog, self.store.records.log("journals", "1", b""))

        def test_written_is_read(self) -> None:
            """What was written at an offset is read there; before it are zeros."""
            self.store.objects.create(SESSION)
            self.store.objects.write(SESSION, 10, b"hello")
            self.assertEqual(content(self.store, SESSION, 100), bytes(10) + b"hello")

        def test_read_now(self) -> None:
            """A read that need not wait gives the same bytes."""
            self.store.objects.create(SESSION)
            self.store.objects.write(SESSION, 0, b"hello")
            found = bytearray(4)
            if self.store.objects.read_now(SESSION, 1, memoryview(found)):
                self.assertEqual(found, b"ello")

        def test_read_now_beyond_the_end(self) -> None:
            """A read that is not all there is not done."""
            self.store.objects.create(SESSION)
            self.store.objects.write(SESSION, 0, b"hello")
            self.assertFalse(self.store.objects.read_now(SESSION, 3, memoryview(bytearray(4))))

        def test_create_twice(self) -> None:
            """A name is used once."""
            self.store.objects.create(SESSION)
            self.assertRaises(FileExistsError, self.store.objects.create, SESSION)

        def test_absent(self) -> None:
            """An object that is not there can't be read, written or zeroed."""
            objects = self.store.objects
            self.assertRaises(FileNotFoundError, content, self.store, SESSION, 1)
            self.assertRaises(FileNotFoundError, objects.write, SESSION, 0, b"x")
            self.assertRaises(FileNotFoundError, objects.zero, SESSION, 0, 1)

        def test_copies_are_apart(self) -> None:
            """A copy has the content, and changes of either don't show in the other."""
            objects = self.store.objects
            objects.create(SESSION)
            objects.write(SESSION, 9000, b"old")
            objects.create(SESSION + 1)
            objects.copy_range(SESSION, SESSION + 1, 0, 10000)
            objects.write(SESSION, 9000, b"new")
            objects.write(SESSION + 1, 0, b"A")
            self.assertEqual(content(self.store, SESSION, 10000), bytes(9000) + b"new")
            self.assertEqual(content(self.store, SESSION + 1, 10000), b"A" + bytes(8999) + b"old")

        def test_copy_range(self) -> None:
            """The range reads as in the source, zeros included; the rest stays."""
            objects = self.store.objects
            objects.create(SESSION)
            objects.create(SESSION + 1)
            objects.write(SESSION, 8192, b"a" * 4096)
            objects.write(SESSION, 20480, b"b" * 4096)
            objects.write(SESSION + 1, 0, b"x" * 40960)
            objects.copy_range(SESSION, SESSION + 1, 4096, 32768)
            self.assertEqual(
                content(self.store, SESSION + 1, 50000),
                b"x" * 4096 + bytes(4096) + b"a" * 4096 + bytes(8192) + b"b" * 4096
                + bytes(12288) + b"x" * 4096,
            )  # fmt: skip

        def test_copy_range_to_the_empty(self) -> None:
            """A new object gets the range, and what lies before it reads as zeros."""
            objects = self.store.objects
            objects.create(SESSION)
            objects.create(SESSION + 1)
            objects.write(SESSION, 0, b"a" * 10000)
            objects.copy_range(SESSION, SESSION + 1, 4096, 4096)
            self.assertEqual(content(self.store, SESSION + 1, 9000), bytes(4096) + b"a" * 4096)
            objects.copy_range(SESSION, SESSION + 1, 8192, 4096)
            found = content(self.store, SESSION + 1, 20000).rstrip(b"\0")
            self.assertEqual(found, bytes(4096) + b"a" * 5904)

        def test_copy_range_of_the_absent(self) -> None:
            """Both objects must exist."""
            objects = self.store.objects
            objects.create(SESSION)
            self.assertRaises(FileNotFoundError, objects.copy_range, SESSION, SESSION + 1, 0, 4096)
            self.assertRaises(FileNotFoundError, objects.copy_range, SESSION + 1, SESSION, 0, 4096)

        def test_sessions(self) -> None:
            """Sessions that have objects are told."""
            self.assertEqual(self.store.objects.sessions(), [])
            for oid in (SESSION, SESSION + 1, 8 << 32, (7 + 256) << 32):
                self.store.objects.create(oid)
            self.assertEqual(self.store.objects.sessions(), [7, 8, 263])
            self.store.objects.remove(8 << 32)
            self.store.objects.tidy(8)
            self.assertEqual(self.store.objects.sessions(), [7, 263])

        def test_space(self) -> None:
            """An object takes about the space of what was written."""
            objects = self.store.objects
            objects.create(SESSION)
            self.assertLess(objects.space(SESSION), 4096)
            objects.write(SESSION, 0, b"x" * 65536)
            self.assertGreaterEqual(objects.space(SESSION), 65536)
            self.assertRaises(FileNotFoundError, objects.space, SESSION + 1)

        def test_fd(self) -> None:
            """A descriptor, if there is one, is the object, as long as it is referenced."""
            self.store.objects.create(SESSION)
            self.store.objects.write(SESSION, 0, b"hello")
            fd = self.store.objects.fd(SESSION)
            self.assertRaises(FileNotFoundError, self.store.objects.fd, SESSION + 1)
            if fd is not None:
                self.store.objects.close()
                self.store.objects.remove(SESSION)
                self.assertEqual(os.pread(fd, 9, 0), b"hello")

        def test_start_writing(self) -> None:
            """To begin writing changes nothing, also of an object that is missing."""
            for oid in (SESSION, SESSION + 1):
                self.store.objects.create(oid)
                self.store.objects.write(oid, 0, b"hello")
            self.store.objects.start_writing([SESSION, SESSION + 7])
            self.store.objects.flush([SESSION, SESSION + 1, SESSION + 7])
            self.assertEqual(content(self.store, SESSION, 9), b"hello")

        def test_remove(self) -> None:
            """A removed object is gone; removing it again is no error."""
            self.store.objects.create(SESSION)
            self.store.objects.flush([SESSION])
            self.store.objects.remove(SESSION)
            self.store.objects.remove(SESSION)
            self.assertRaises(FileNotFoundError, content, self.store, SESSION, 1)
            self.store.objects.flush([SESSION])
            self.store.objects.flush_all()

        def test_of_session(self) -> None:
            """Objects are found by their session, however many."""
            mine = [SESSION | number for number in (0, 1, 1023, 1024, 0xFFFFFFFF)]
            for oid in [*mine, 8 << 32, (7 + 256) << 32]:
                self.store.objects.create(oid)
            self.assertEqual(sorted(self.store.objects.of_session(7)), mine)
            self.assertEqual(self.store.objects.of_session(9), [])

        def test_tidy(self) -> None:
            """Tidying a session keeps what is there."""
            self.store.objects.create(SESSION)
            self.store.objects.create(SESSION | 5000)
            self.store.objects.remove(SESSION | 5000)
            self.store.objects.tidy(7)
            self.assertEqual(self.store.objects.of_session(7), [SESSION])

        @settings(max_examples=30)
        @given(changes)
        def test_like_bytes(self, plan: list[tuple[str, int, bytes]]) -> None:
            """Any writes and zeroings leave what they would leave in bytes."""
            self.store.objects.remove(SESSION)
            self.store.objects.create(SESSION)
            model = bytearray()
            for kind, offset, what in plan:
                if kind == "write":
                    self.store.objects.write(SESSION, offset, what)
                    model.extend(bytes(max(0, offset - len(model))))
                    model[offset : offset + len(what)] = what
                else:
                    self.store.objects.zero(SESSION, offset, what)
                    end = min(len(model), offset + what)
                    model[offset:end] = bytes(max(0, end - offset))
            found = content(self.store, SESSION, 20000)
            self.assertLessEqual(len(found), len(model))
            self.assertEqual(found.ljust(len(model), b"\0"), bytes(model))

        def test_records(self) -> None:
            """A value is what was put last; a part of it can be had."""
            records = self.store.records
            records.put("maps", "a", b"first")
            records.put("maps", "a", b"second")
            self.assertEqual(records.get("maps", "a"), b"second")
            self.assertEqual(records.get("maps", "a", 3), b"sec")

        def test_create_record(self) -> None:
            """Creating doesn't replace."""
            self.store.records.create("maps", "a", b"first")
            self.assertRaises(FileExistsError, self.store.records.create, "maps", "a", b"second")
            self.assertEqual(self.store.records.get("maps", "a"), b"first")

        def test_no_record(self) -> None:
            """A value that is not there is no value; removing it is no error."""
            self.store.records.remove("maps", "a")
            self.assertRaises(FileNotFoundError, self.store.records.get, "maps", "a")
            self.assertRaises(FileNotFoundError, self.store.records.move, "maps", "a", "maps", "b")

        def test_unfit_names(self) -> None:
            """A name that would lead elsewhere names nothing."""
            for name in ("", ".", "..", "../maps/a", "a/b", "x" * 200, "nul\0"):
                self.assertRaises(FileNotFoundError, self.store.records.get, "maps", name)

        def test_move(self) -> None:
            """A value moves between rooms, but not onto another."""
            records = self.store.records
            records.put("maps", "a", b"A")
            records.put("maps", "b", b"B")
            self.assertRaises(FileExistsError, records.move, "maps", "a", "maps", "b")
            records.move("maps", "a", "deleted", "c")
            self.assertEqual(records.get("deleted", "c"), b"A")
            self.assertEqual(records.names("maps"), ["b"])

        def test_names(self) -> None:
            """Names of a room are sorted, those of others are left out."""
            for name in ("b", "a.1", "C-_"):
                self.store.records.put("maps", name, b"")
            self.store.records.put("counters", "z", b"")
            self.assertEqual(self.store.records.names("maps"), ["C-_", "a.1", "b"])
            self.assertEqual(self.store.records.names("nothing"), [])

        def test_pages_of_names(self) -> None:
            """Names come in pages, and by how they begin."""
            names = sorted(f"{kind}-{number}" for kind in ("a", "b", "c") for number in range(25))
            for name in names:
                self.store.records.create("maps", name, b"")
            found: list[str] = []
            while page := self.store.records.names("maps", found[-1] if found else "", 10):
                self.assertLessEqual(len(page), 10)
                found += page
            self.assertEqual(found, names)
            of_b = [name for name in names if name.startswith("b-")]
            self.assertEqual(self.store.records.names("maps", prefix="b-"), of_b)
            self.assertEqual(self.store.records.names("maps", of_b[3], 4, "b-"), of_b[4:8])
            self.assertEqual(self.store.records.names("maps", "a", 2, "b-"), of_b[:2])
            self.assertEqual(self.store.records.names("maps", "c", None, "b-"), [])

        def test_names_are_fresh(self) -> None:
            """Every change shows in the next list."""
            records = self.store.records
            for number in range(30):
                records.put("maps", f"{number:02}", b"")
                self.assertEqual(len(records.names("maps")), number + 1)
            records.remove("maps", "03")
            records.move("maps", "04", "maps", "44")
            records.move("maps", "05", "deleted", "05")
            wanted = [f"{number:02}" for number in (*range(3), *range(6, 30), 44)]
            self.assertEqual(records.names("maps"), wanted)

        def test_view(self) -> None:
            """A view has the value of its time; changes of it are its own."""
            records = self.store.records
            records.put("bodies", "1", b"0123456789" * 1000)
            view = records.view("bodies", "1")
            view[2:4] = b"ab"
            records.put("bodies", "1", b"other")
            self.assertEqual(bytes(view[:5]), b"01ab4")
            self.assertEqual(bytes(view[5:]), (b"0123456789" * 1000)[5:])
            self.assertEqual(records.get("bodies", "1"), b"other")
            self.assertRaises(FileNotFoundError, records.view, "bodies", "2")

        def test_view_as_numbers(self) -> None:
            """A view can be cast to slots."""
            self.store.records.put("bodies", "1", bytes(range(16)))
            slots = self.store.records.view("bodies", "1").cast("Q")
            self.assertEqual(slots[1], int.from_bytes(bytes(range(8, 16)), "little"))

        def test_empty_view(self) -> None:
            """An empty value has an empty view."""
            self.store.records.put("bodies", "1", b"")
            view = self.store.records.view("bodies", "1")
            self.assertEqual((len(view), view.readonly), (0, False))

        def test_stamp(self) -> None:
            """A value tells when it was put."""
            self.store.records.put("maps", "a", b"")
            self.assertLess(abs(self.store.records.stamp("maps", "a") - time.time()), 60)
            self.assertRaises(FileNotFoundError, self.store.records.stamp, "maps", "b")

        def test_create_by_many(self) -> None:
            """Of many that create the same record one succeeds, and has its value there."""

            def create(number: int) -> bool:
                try:
                    self.store.records.create("maps", "a", b"%d" % number)
                except FileExistsError:
                    return False
                return True

            with ThreadPoolExecutor(8) as pool:
                made = list(pool.map(create, range(8)))
            self.assertEqual(sum(made), 1)
            self.assertEqual(self.store.records.get("maps", "a"), b"%d" % made.index(True))

        def test_move_by_many(self) -> None:
            """Of many that move onto a name one succeeds, and no value is lost."""
            for number in range(8):
                self.store.records.put("maps", f"from-{number}", b"%d" % number)

            def move(number: int) -> bool:
                try:
                    self.store.records.move("maps", f"from-{number}", "maps", "to")
                except FileExistsError:
                    return False
                return True

            with ThreadPoolExecutor(8) as pool:
                moved = list(pool.map(move, range(8)))
            self.assertEqual(sum(moved), 1)
            self.assertEqual(self.store.records.get("maps", "to"), b"%d" % moved.index(True))
            self.assertEqual(len(self.store.records.names("maps")), 8)

        def logged(self) -> bytes:
            """What the log has; zeros may follow."""
            return self.store.records.get("journals", "1").rstrip(b"\0")

        def test_log(self) -> None:
            """A log grows at its end, and is read as a value."""
            log = self.store.records.log("journals", "1", b"zero")
            log.append(b"one")
            log.sync()
            log.append(b"two")
            self.assertEqual(self.logged(), b"zeroonetwo")
            self.assertRaises(FileExistsError, self.store.records.log, "journals", "1", b"other")
            self.assertEqual(self.logged(), b"zeroonetwo")
            log.close()

        def test_log_restarted(self) -> None:
            """A log may begin anew: what it had may follow what is appended then."""
            log = self.store.records.log("journals", "1", b"0")
            for _ in range(3):
                log.append(b"x" * 40000)
            log.sync()
            for start in (b"first", b"second"):
                log.restart(start)
                self.assertEqual(self.logged()[: len(start)], start)
                log.append(b"one")
                log.append(b"two" * 50000)
                log.sync()
                wanted = start + b"one" + b"two" * 50000
                self.assertEqual(self.logged()[: len(wanted)], wanted)
            log.close()

        def test_log_anew(self) -> None:
            """A log can take the place of another."""
            old = self.store.records.log("journals", "1", b"old")
            new = self.store.records.log("journals", "1", b"new", replaces=True)
            with contextlib.suppress(OSError):  # it may also refuse
                old.append(b"lost")
            new.append(b"er")
            self.assertEqual(self.logged(), b"newer")
            old.close()
            new.close()

    return ObjectStoreTests

"""
The store in Ceph, with a real cluster.
"""

from __future__ import annotations

import errno
import itertools
import signal
import time

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores import rados
from archipelagod.stores.address import open_store
from archipelagod.stores.doubt import InDoubt
from archipelagod.stores.interface import ILease
from archipelagod.stores.leases import LeaseHeld
from archipelagod.stores.rados import open_rados_store
from archipelagod.stores.store import Store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.wire.errors import LeaseLost
from tests.archipelagod.stores.bare_python import said, start_python, tell
from tests.contracts.blocks import blocks_tests
from tests.contracts.leases import leases_tests
from tests.contracts.object_store import content, object_store_tests
from tests.live.ceph import POOL, shared_cluster

OID = 1 << 32
TERM_S = 2
HOLDER = """
import threading
from archipelagod.stores.rados import open_rados_store
pool, namespace, conf, term_s = sys.argv[1:]
threading.stack_size(256 << 10)  # as a worker's threads
opened = []
opening = threading.Thread(target=lambda: opened.append(
    open_rados_store(pool, namespace, conf=conf, term_s=int(term_s))
))
opening.start()
opening.join()
store, = opened
lease = store.leases.acquire("v", b"holder")
store.objects.create(1 << 32)
print("held", flush=True)
for line in sys.stdin:
    try:
        if line == "check\\n":
            lease.check()
        if line == "write\\n":
            store.objects.write(1 << 32, 0, b"holder")
        print("fine", flush=True)
    except Exception as error:
        print(type(error).__name__, getattr(error, "errno", ""), flush=True)
"""
SHUT = type(OSError(errno.ESHUTDOWN, "")).__name__
_namespaces = itertools.count()


def fresh_namespace() -> str:
    """A namespace that no other test has."""
    return f"test-{next(_namespaces)}"


def make_store(case: SynchronousTestCase) -> Store:
    """An empty store; the test is skipped where Ceph can't be had."""
    return open_store(shared_cluster().address(fresh_namespace()))


class RadosStoreTests(object_store_tests(make_store)):  # type: ignore[misc]
    """The contract of objects and records."""


class RadosBlocksTests(blocks_tests(make_store)):  # type: ignore[misc]
    """The contract of blocks."""


class RadosLeasesTests(leases_tests(make_store)):  # type: ignore[misc]
    """The contract of leases."""


class RadosTests(SynchronousTestCase):
    """What is special about Ceph."""

    def setUp(self) -> None:
        """A namespace."""
        self.namespace = fresh_namespace()
        self.conf = shared_cluster().configuration

    def store(self) -> Store:
        """The store, from a client of its own."""
        return open_rados_store(POOL, self.namespace, conf=self.conf, term_s=TERM_S)

    def test_clients_share(self) -> None:
        """What one client writes another reads."""
        one, other = self.store(), self.store()
        one.objects.create(OID)
        one.objects.write(OID, 0, b"hello")
        one.records.put("maps", "a", b"A")
        self.assertEqual(content(other, OID, 9), b"hello")
        self.assertEqual(other.records.names("maps"), ["a"])
        self.assertRaises(FileExistsError, other.records.create, "maps", "a", b"B")

    def test_many_names(self) -> None:
        """More names than an OSD gives at once."""
        store = self.store()
        names = [f"{number:05}" for number in range(2500)]
        for name in names:
            store.records._pool.index("index.maps", name)  # type: ignore[attr-defined]
        self.assertEqual(store.records.names("maps"), names)
        self.assertEqual(store.records.names("maps", "01999", 3), ["02000", "02001", "02002"])

    def test_move_cut_short(self) -> None:
        """A move that stopped when the value had both names is finished by the next."""
        records = self.store().records
        records.put("maps", "a", b"A")
        mark = records._pool.key("maps/a", "mark")  # type: ignore[attr-defined]
        records._write("deleted", "b", b"A", replaces=False, origin=mark)  # type: ignore[attr-defined]
        records.move("maps", "a", "deleted", "b")
        self.assertEqual(records.names("maps"), [])
        self.assertEqual(records.get("deleted", "b"), b"A")

    def test_replaced_log(self) -> None:
        """A log that was replaced takes nothing, and says so."""
        records = self.store().records
        log = records.log("journals", "1", b"a")
        records.log("journals", "1", b"b", replaces=True)
        for change in (log.append, log.restart):
            self.assertEqual(self.assertRaises(OSError, change, b"x").errno, errno.ESTALE)

    def test_many_blocks(self) -> None:
        """Thousands of keys are asked for at once."""
        blocks = self.store().blocks
        began_s = time.perf_counter()
        keys = [number.to_bytes(32, "big") for number in range(1, 3001)]
        self.assertEqual(blocks.have(keys), keys)
        self.assertLess(time.perf_counter() - began_s, 5)

    def test_volumes(self) -> None:
        """Volumes live there: a snapshot keeps what it had, a clone is written."""
        store = self.store()
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        catalogue.create("v", 1 << 30)
        volume = open_volume(store, "v", sessions.fresh())
        volume.write(5_000_000, b"first")
        volume.flush()
        volume.close()
        catalogue.snapshot("v", "s")
        catalogue.clone("s", "c")
        clone = open_volume(store, "c", sessions.fresh())
        clone.write(5_000_002, b"X")
        clone.flush()
        found = bytearray(5)
        clone.read_into(5_000_000, memoryview(found))
        self.assertEqual(found, b"fiXst")
        clone.close()
        kept = open_volume(store, "s", 0)
        kept.read_into(5_000_000, memoryview(found))
        self.assertEqual(found, b"first")
        kept.close()

    def test_no_answer(self) -> None:
        """A cluster that does not answer is an error, and is used again when it does."""
        self.patch(rados, "ANSWER_S", 1)
        store = self.store()
        store.objects.create(OID)
        log = store.records.log("journals", "1", b"")
        self.addCleanup(shared_cluster().resume_osd)
        shared_cluster().pause_osd()
        self.assertRaises(TimeoutError, store.objects.write, OID, 0, b"x")
        self.assertRaises(InDoubt, log.append, b"x")
        shared_cluster().resume_osd()
        store.objects.write(OID, 0, b"y")
        self.assertEqual(content(store, OID, 9), b"y")

    def test_no_cluster(self) -> None:
        """A cluster that can't be reached, or a pool that is not there, is an error at once."""
        self.assertRaises(OSError, open_rados_store, "none", conf=self.conf)
        self.assertRaises(OSError, open_rados_store, POOL, conf="/nonexistent")

    def acquired(self, store: Store) -> ILease:
        """The lease, as soon as it can be had."""
        deadline_s = time.monotonic() + 10 * TERM_S
        while True:
            try:
                lease = store.leases.acquire("v", b"next")
            except LeaseHeld:
                self.assertLess(time.monotonic(), deadline_s)
                time.sleep(0.1)
            else:
                self.addCleanup(lease.release)
                return lease

    def test_renewed(self) -> None:
        """A lease lasts as long as its process, however many terms."""
        one, other = self.store(), self.store()
        lease = one.leases.acquire("v", b"me")
        time.sleep(2 * TERM_S)
        lease.check()
        self.assertEqual(other.leases.holder("v"), b"me")
        self.assertRaises(LeaseHeld, other.leases.acquire, "v", b"you")
        lease.release()
        other.leases.acquire("v", b"you").release()

    def test_killed(self) -> None:
        """A dead holder's lease is free after a term."""
        process = start_python(self, HOLDER, POOL, self.namespace, self.conf, str(TERM_S))
        self.assertEqual(said(process), "held")
        process.kill()
        process.wait()
        began_s = time.monotonic()
        self.acquired(self.store()).check()
        self.assertLess(time.monotonic() - began_s, TERM_S + 10)

    def test_fenced(self) -> None:
        """A holder that stood still and was taken over can't write when it wakes."""
        process = start_python(self, HOLDER, POOL, self.namespace, self.conf, str(TERM_S))
        self.assertEqual(said(process), "held")
        tell(process, "write")
        self.assertEqual(said(process), "fine")
        process.send_signal(signal.SIGSTOP)
        store = self.store()
        self.acquired(store)
        store.objects.write(OID, 0, b"next  ")
        process.send_signal(signal.SIGCONT)
        tell(process, "write")
        self.assertEqual(said(process), f"{SHUT} {errno.ESHUTDOWN}")
        tell(process, "check")
        self.assertTrue(said(process).startswith(LeaseLost.__name__))
        self.assertEqual(content(store, OID, 9), b"next  ")

    def test_taken_away(self) -> None:
        """A lease that is taken away from a living client fences that client."""
        process = start_python(self, HOLDER, POOL, self.namespace, self.conf, str(TERM_S))
        self.assertEqual(said(process), "held")
        store = self.store()
        store.leases.take_away("v")
        self.acquired(store)
        tell(process, "write")
        self.assertEqual(said(process), f"{SHUT} {errno.ESHUTDOWN}")
        time.sleep(TERM_S)
        tell(process, "check")
        self.assertTrue(said(process).startswith(LeaseLost.__name__))

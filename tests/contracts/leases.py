"""
What every store must do with leases.  ``leases_tests(make_store)`` is a TestCase.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from archipelagod.stores.declarations import declared
from archipelagod.stores.interface import ILease, ILeases
from archipelagod.stores.leases import LeaseHeld
from archipelagod.stores.store import Store
from archipelagod.wire.errors import LeaseLost


def leases_tests(  # noqa: C901 - a class of small tests
    make_store: Callable[[SynchronousTestCase], Store],
) -> type[SynchronousTestCase]:
    """
    The suite for one kind of store; as ``object_store_tests``.
    """

    class LeasesTests(SynchronousTestCase):
        """
        The contract of ILeases and ILease.
        """

        def setUp(self) -> None:
            """Leases."""
            self.assertTrue(declared)
            self.leases = make_store(self).leases

        def acquire(self, name: str = "v", holder: bytes = b"me") -> ILease:
            """A lease, released when the test ends."""
            lease = self.leases.acquire(name, holder)
            self.addCleanup(lease.release)
            return lease

        def test_interface(self) -> None:
            """They, and a lease, provide their interfaces."""
            verifyObject(ILeases, self.leases)
            verifyObject(ILease, self.acquire())

        def test_one_holder(self) -> None:
            """A lease has one holder, whom others are told of."""
            self.assertIsNone(self.leases.holder("v"))
            lease = self.acquire()
            self.assertEqual(lease.name, "v")
            self.assertEqual(self.leases.holder("v"), b"me")
            refused = self.assertRaises(LeaseHeld, self.leases.acquire, "v", b"you")
            self.assertEqual(refused.holder, b"me")
            lease.check()

        def test_apart(self) -> None:
            """Leases of other names are others."""
            self.acquire("a")
            self.acquire("b", b"you").check()

        def test_release(self) -> None:
            """A released lease is lost to its holder, and free for the next."""
            lease = self.acquire()
            lease.release()
            self.assertIsNone(self.leases.holder("v"))
            self.assertRaises(LeaseLost, lease.check)
            other = self.acquire(holder=b"you")
            lease.release()
            other.check()
            self.assertEqual(self.leases.holder("v"), b"you")

        def test_taken_away(self) -> None:
            """A lease that is taken away is lost, and can be had; its old holder can't end it."""
            lease = self.acquire()
            self.leases.take_away("v")
            self.leases.take_away("nobody's")
            self.assertRaises(LeaseLost, lease.check)
            other = self.acquire(holder=b"you")
            self.assertRaises(LeaseLost, lease.check)
            lease.release()
            other.check()
            self.assertRaises(LeaseHeld, self.leases.acquire, "v", b"third")

        def test_by_many(self) -> None:
            """Of many that want a lease one gets it, again and again."""

            def acquire(number: int) -> ILease | None:
                try:
                    return self.leases.acquire("v", b"%d" % number)
                except LeaseHeld:
                    return None

            with ThreadPoolExecutor(8) as pool:
                for _ in range(5):
                    got = [lease for lease in pool.map(acquire, range(8)) if lease is not None]
                    self.assertEqual(len(got), 1)
                    got[0].check()
                    got[0].release()

        def test_unfit_names(self) -> None:
            """A name that would lead elsewhere is no lease's."""
            self.assertRaises(FileNotFoundError, self.leases.acquire, "../a", b"me")

    return LeasesTests

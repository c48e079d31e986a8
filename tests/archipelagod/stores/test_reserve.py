"""
Space kept back for a full disk.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.file_records import FileRecords
from archipelagod.stores.reserve import PART_BYTES, RESERVE_BYTES, Reserve


class ReserveTests(SynchronousTestCase):
    """A reserve in a file."""

    def setUp(self) -> None:
        """The file."""
        self.path = self.mktemp()
        self.reserve = Reserve(self.path)

    def failing(self, times: int, number: int = errno.ENOSPC) -> Callable[[], str]:
        """What succeeds after so many failures."""
        left = [times]

        def call() -> str:
            if left[0]:
                left[0] -= 1
                raise OSError(number, os.strerror(number))
            return "done"

        return call

    def test_refill(self) -> None:
        """The space is taken, not only named."""
        self.reserve.refill()
        self.reserve.refill()
        found = os.stat(self.path)
        self.assertEqual(found.st_size, RESERVE_BYTES)
        self.assertGreaterEqual(found.st_blocks * 512, RESERVE_BYTES)

    def test_use(self) -> None:
        """A call that finds no space is made again, with some given up each time."""
        self.reserve.refill()
        self.assertEqual(self.reserve.use(self.failing(2)), "done")
        self.assertEqual(os.stat(self.path).st_size, RESERVE_BYTES - 2 * PART_BYTES)

    def test_nothing_left(self) -> None:
        """Then the error comes out."""
        self.assertRaises(OSError, self.reserve.use, self.failing(1))
        self.reserve.refill()
        self.assertRaises(OSError, self.reserve.use, self.failing(1000))
        self.assertEqual(os.stat(self.path).st_size, 0)

    def test_other_errors(self) -> None:
        """Nothing is given up for them."""
        self.reserve.refill()
        self.assertRaises(OSError, self.reserve.use, self.failing(1, errno.EIO))
        self.assertEqual(os.stat(self.path).st_size, RESERVE_BYTES)

    def test_records(self) -> None:
        """Whoever removes a record fills it again."""
        records = FileRecords(self.mktemp(), self.reserve)
        records.put("maps", "a", b"x")
        records.move("maps", "a", "deleted", "a")
        self.assertFalse(os.path.exists(self.path))
        records.remove("deleted", "a")
        self.assertEqual(os.stat(self.path).st_size, RESERVE_BYTES)

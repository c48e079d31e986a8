"""
The judge: it sees what it is there to see.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.blocks import TRIM, WRITE, ZERO
from tests.chaos.model import Disk
from tests.chaos.origins import cloned, frozen
from tests.chaos.stamps import BLOCK, SECTOR, ZEROS, BadStamp, Vector, sector, stamp, tag, vector
from tests.chaos.verdicts import Loss, complaints, content


def whole(volume: int, number: int) -> Vector:
    """A block that one write made."""
    return (tag(volume, number),) * 8


class StampTests(SynchronousTestCase):
    """Stamped blocks."""

    def test_round_trip(self) -> None:
        """A block says what it is."""
        self.assertEqual(vector(stamp(tag(3, 9), 5), 5), whole(3, 9))
        self.assertEqual(vector(bytes(BLOCK), 5), ZEROS)

    def test_sectors(self) -> None:
        """Each sector for itself."""
        data = sector(tag(1, 1), 5, 0) + stamp(tag(1, 2), 5)[SECTOR:]
        self.assertEqual(vector(data, 5), (tag(1, 1), *[tag(1, 2)] * 7))

    def test_bad(self) -> None:
        """A block of elsewhere, a shifted one, and a torn sector are seen."""
        data = stamp(tag(1, 1), 5)
        for bad in (data[SECTOR:] + data[:SECTOR], data[:100] + bytes(BLOCK - 100)):
            self.assertRaises(BadStamp, vector, bad, 5)
        self.assertRaises(BadStamp, vector, data, 6)

    def test_content(self) -> None:
        """What is read in pieces."""
        data = bytes(BLOCK) + stamp(tag(1, 1), 1) + stamp(tag(1, 1), 7)
        found, bad = content(lambda offset, size: data[offset : offset + size], len(data))
        self.assertEqual(found, {1: whole(1, 1)})
        self.assertEqual(len(bad), 1)


class VerdictTests(SynchronousTestCase):
    """A volume with two writes to a block, the first flushed, the second acknowledged."""

    def setUp(self) -> None:
        """The volume."""
        self.disk = Disk("v", 1, 1 << 20)
        self.disk.acknowledge(self.disk.begin(WRITE, [0, 1])[1], is_flushed=True)
        self.disk.acknowledge(self.disk.begin(WRITE, [0, 1])[1])

    def wrong(self, held: Vector, loss: Loss = Loss.NOTHING) -> str:
        """What is said of block 0."""
        return " ".join(complaints(self.disk, {0: held, 1: whole(1, 2)}, loss))

    def test_right(self) -> None:
        """The last write, and one that is on its way."""
        self.assertEqual(self.wrong(whole(1, 2)), "")
        self.disk.begin(WRITE, [0])
        self.assertEqual(self.wrong(whole(1, 3)), "")
        self.assertEqual(self.wrong(whole(1, 2)), "")

    def test_lost(self) -> None:
        """An acknowledged write that is not there; after a power cut it need not be."""
        self.assertIn("too old", self.wrong(whole(1, 1)))
        self.assertEqual(self.wrong(whole(1, 1), Loss.UNFLUSHED), "")
        self.assertIn("too old", self.wrong(ZEROS, Loss.UNFLUSHED))

    def test_strange(self) -> None:
        """Data of another volume, and of a write that is long gone."""
        self.assertIn("another volume's", self.wrong(whole(2, 1)))
        self.disk.settle({0: whole(1, 2)})
        self.assertIn("from before", self.wrong(whole(1, 1)))

    def test_torn(self) -> None:
        """Half of a write."""
        half = (tag(1, 1),) * 4 + (tag(1, 2),) * 4
        self.assertIn("torn", self.wrong(half))
        self.assertEqual(self.wrong(half, Loss.UNFLUSHED), "")

    def test_trimmed(self) -> None:
        """After a trim old data or zeros, after a zeroing only zeros."""
        self.disk.acknowledge(self.disk.begin(TRIM, [0])[1])
        self.assertEqual(self.wrong(ZEROS), "")
        self.assertEqual(self.wrong(whole(1, 2)), "")
        self.disk.acknowledge(self.disk.begin(ZERO, [0])[1])
        self.assertIn("too old", self.wrong(whole(1, 2)))

    def test_cut(self) -> None:
        """What was cut off does not come back."""
        self.disk.cut(BLOCK)
        self.disk.size_bytes = 1 << 20
        self.assertIn("from before", self.wrong(whole(1, 2)))

    def test_clone(self) -> None:
        """It has its origin's content, and nothing that was written to that later."""
        origin = Disk("s", 1, 1 << 20)
        origin.settle({0: whole(1, 1)})
        clone = cloned(origin, "c", 2, 1 << 20)
        self.assertEqual(complaints(clone, {0: whole(1, 1)}), [])
        self.assertIn("another volume's", complaints(clone, {0: whole(1, 2)})[0])

    def test_failed(self) -> None:
        """A request that failed, and was not seen, may be seen later, but not after the next."""
        self.disk.failed(self.disk.begin(WRITE, [0])[1])
        self.disk.settle({0: whole(1, 2), 1: whole(1, 2)})
        self.assertEqual(self.wrong(whole(1, 3)), "")
        self.disk.acknowledge(self.disk.begin(WRITE, [0])[1])
        self.assertIn("too old", self.wrong(whole(1, 3)))
        self.assertEqual(self.wrong(whole(1, 4)), "")

    def test_failed_long_ago(self) -> None:
        """It may be seen after many looks, in part; what was written since is not undone by it."""
        self.disk.failed(self.disk.begin(WRITE, [0])[1])
        for _ in range(3):
            self.disk.settle({0: whole(1, 2), 1: whole(1, 2)})
        self.assertEqual(self.wrong((tag(1, 3),) * 4 + whole(1, 2)[4:]), "")
        self.disk.acknowledge(self.disk.begin(WRITE, [0])[1])
        self.disk.settle({0: whole(1, 4), 1: whole(1, 2)})
        self.assertIn("data from before", self.wrong(whole(1, 3)))


class SnapshotTests(SynchronousTestCase):
    """Writes to two blocks, one after the other, while a snapshot is taken."""

    def setUp(self) -> None:
        """Both are acknowledged before the snapshot is."""
        self.disk = Disk("v", 1, 1 << 20)
        self.start_s = time.monotonic()
        for block in (0, 1):
            time.sleep(0.002)
            self.disk.acknowledge(self.disk.begin(WRITE, [block])[1])
        self.snapshot = frozen(self.disk, "s", 2, self.start_s)

    def test_moments(self) -> None:
        """Neither, the first, or both."""
        for found in ({}, {0: whole(1, 1)}, {0: whole(1, 1), 1: whole(1, 2)}):
            self.assertEqual(complaints(self.snapshot, found), [])

    def test_no_moment(self) -> None:
        """The second without the first was never so; what is said tells which blocks and when."""
        wrong = complaints(self.snapshot, {1: whole(1, 2)})[0]
        self.assertIn("no single moment", wrong)
        self.assertIn("1 of 2 blocks are as at 0.000000 s", wrong)
        self.assertIn("block 1 holds write 2 of volume 1", wrong)
        self.assertRegex(
            wrong, r"by write, mask ff, request 2, sent 0\.\d+, answered 0\.\d+ \(that\)"
        )

    def test_half_a_request(self) -> None:
        """A request with one of its blocks."""
        ops = self.disk.begin(WRITE, [5, 6])[1]
        self.disk.acknowledge(ops)
        snapshot = frozen(self.disk, "s", 2, self.start_s)
        found = {0: whole(1, 1), 1: whole(1, 2), 5: whole(1, 3)}
        self.assertIn("only a part", complaints(snapshot, found)[0])

    def test_later(self) -> None:
        """What was acknowledged before the snapshot was asked for is in it."""
        snapshot = frozen(self.disk, "s", 2, time.monotonic())
        self.assertIn("too old", complaints(snapshot, {0: whole(1, 1)})[0])

    def test_failed_before(self) -> None:
        """
        What was acknowledged after the snapshot was asked for need not be in it, whatever failed
        before.
        """
        self.disk.failed(self.disk.begin(WRITE, [7])[1])
        self.disk.acknowledge(self.disk.begin(WRITE, [7])[1])
        start_s = time.monotonic()
        self.disk.acknowledge(self.disk.begin(WRITE, [7])[1])
        on_its_way = self.disk.begin(WRITE, [7])[1]
        snapshot = frozen(self.disk, "s", 2, start_s)
        self.disk.acknowledge(on_its_way)
        for number, said in ((3, "another volume's"), (4, ""), (5, ""), (6, "")):
            found = {0: whole(1, 1), 1: whole(1, 2), 7: whole(1, number)}
            wrong = " ".join(complaints(snapshot, found))
            self.assertTrue(said in wrong if said else not wrong, wrong)

    def test_failed_later(self) -> None:
        """A request that was at work, and answered with an error afterwards, is there in part."""
        ops = self.disk.begin(WRITE, [5, 6])[1]
        snapshot = frozen(self.disk, "s", 2, self.start_s)
        self.disk.failed(ops)
        half = (tag(1, 3),) * 4 + ZEROS[4:]
        found = {0: whole(1, 1), 1: whole(1, 2), 5: half}
        for each in (snapshot, cloned(snapshot, "c", 3, 1 << 20)):
            self.assertEqual(complaints(each, found), [])

    def test_torn_long_before(self) -> None:
        """
        A request that failed before the snapshot was asked for tore its block: it stays torn until
        it is written as a whole, whether it was looked at and written to in part or not.
        """
        self.disk.acknowledge(self.disk.begin(WRITE, [5])[1])
        self.disk.failed(self.disk.begin(WRITE, [5])[1])
        looked_at = self.disk.copy()
        looked_at.settle({0: whole(1, 1), 1: whole(1, 2), 5: whole(1, 3)})
        torn = (*[tag(1, 3)] * 4, *[tag(1, 4)] * 4)
        for disk in (self.disk, looked_at):
            self.assertEqual(self.of_snapshot(disk, torn), ["", ""])
            disk.acknowledge(disk.begin(WRITE, [5], 1)[1])
            self.assertEqual(self.of_snapshot(disk, (tag(1, 5), *torn[1:])), ["", ""])
            disk.acknowledge(disk.begin(WRITE, [5])[1])
            self.assertEqual(self.of_snapshot(disk, whole(1, 6)), ["", ""])
            for said in self.of_snapshot(disk, (tag(1, 5), *torn[1:])):
                self.assertIn("another volume's", said)

    def test_torn_in_a_clone(self) -> None:
        """
        What a death tore is in a snapshot, its clone, and a snapshot of that, if nobody looked.
        """
        self.disk.begin(WRITE, [5])
        clone = cloned(frozen(self.disk, "s", 2, self.start_s), "c", 3, 1 << 20)
        torn = (*[tag(1, 3)] * 4, *ZEROS[4:])
        self.assertEqual(self.of_snapshot(clone, torn), ["", ""])

    def of_snapshot(self, disk: Disk, held: Vector) -> list[str]:
        """What is said of a snapshot, and a clone of it, that have this in block 5."""
        snapshot = frozen(disk, "s", 2, time.monotonic())
        found = {0: whole(1, 1), 1: whole(1, 2), 5: held}
        both = (snapshot, cloned(snapshot, "c", 3, 1 << 20))
        return [" ".join(complaints(each, found, Loss.WHOLENESS)) for each in both]

    def test_torn_before(self) -> None:
        """A request that a death tore is in a snapshot that was taken afterwards, in part."""
        self.disk.begin(WRITE, [5, 6])
        snapshot = frozen(self.disk, "s", 2, self.start_s)
        found = {0: whole(1, 1), 1: whole(1, 2), 5: (tag(1, 3),) * 4 + ZEROS[4:]}
        self.assertEqual(complaints(snapshot, found, Loss.WHOLENESS), [])
        self.assertIn("torn", complaints(snapshot, found)[0])

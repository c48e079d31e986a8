"""
What of a volume holds data.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store, open_file_store, open_memory_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.volume import Volume

UNIT = 4096
SIZE = 2 * OBJECT_BYTES + 3 * UNIT


class Change(NamedTuple):
    """One of a volume."""

    kind: str
    offset: int
    size: int


places = st.sampled_from((0, 40 * UNIT, OBJECT_BYTES - UNIT, OBJECT_BYTES, 2 * OBJECT_BYTES))
changes = st.builds(
    Change,
    st.sampled_from(("write", "write", "zero", "trim", "snapshot")),
    st.builds(lambda place, more: place + more, places, st.integers(0, 2 * UNIT)),
    st.integers(1, UNIT),
)


class AllocatedTests(SynchronousTestCase):
    """Volume.allocated"""

    def volume(self, store: Store) -> tuple[Catalogue, Volume]:
        """A new one."""
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        catalogue.create("v", SIZE)
        volume = open_volume(store, "v", sessions.fresh())
        self.addCleanup(volume.close)
        return catalogue, volume

    @settings(max_examples=12)
    @given(st.lists(changes, max_size=8), st.integers(0, UNIT), st.integers(1, SIZE - UNIT))
    def test_zeros_elsewhere(self, changes: list[Change], offset: int, size: int) -> None:
        """Any range is told of wholly, and what is said to be no data reads as zeros."""
        catalogue, volume = self.volume(open_file_store(self.mktemp()))
        for number, change in enumerate(changes):
            if change.kind == "write":
                volume.write(change.offset, b"x" * change.size)
            elif change.kind == "snapshot":
                catalogue.freeze(volume, catalogue.new_map(f"s{number}"))
            else:
                volume.zero(change.offset, change.size, is_hint=change.kind == "trim")
        content = bytearray(size)
        volume.read_into(offset, memoryview(content))
        at = 0
        for length, is_data in volume.allocated(offset, size):
            self.assertGreater(length, 0)
            if not is_data:
                self.assertEqual(content.count(0, at, at + length), length)
            at += length
        self.assertEqual(at, size)

    def test_holes_in_objects(self) -> None:
        """A block in an object of holes is data, and nothing else is."""
        _, volume = self.volume(open_file_store(self.mktemp()))
        volume.write(9 * UNIT + 1, b"x")
        found = [(9 * UNIT, False), (UNIT, True), (SIZE - 10 * UNIT, False)]
        self.assertEqual(list(volume.allocated(0, SIZE)), found)
        self.assertEqual(
            list(volume.allocated(9 * UNIT + 1, 2 * UNIT - 2)), [(4095, True), (4095, False)]
        )

    def test_unknown(self) -> None:
        """Where the store can't tell, the whole object is data."""
        _, volume = self.volume(open_memory_store())
        volume.write(9 * UNIT, b"x")
        found = [(OBJECT_BYTES, True), (SIZE - OBJECT_BYTES, False)]
        self.assertEqual(list(volume.allocated(0, SIZE)), found)

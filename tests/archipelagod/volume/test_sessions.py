"""
Numbers that grow.
"""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import open_memory_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import RESERVE, Sessions
from archipelagod.wire.errors import VolumeBusy


class SessionsTests(SynchronousTestCase):
    """Several daemons of one store."""

    @given(st.lists(st.integers(0, 2), max_size=3 * RESERVE))
    def test_grow(self, turns: list[int]) -> None:
        """Each number is larger than all before, whoever gives it."""
        store = open_memory_store()
        daemons = [Sessions(store) for _ in range(3)]
        given_numbers = [daemons[turn].fresh() for turn in turns]
        self.assertEqual(given_numbers, sorted(set(given_numbers)))

    def test_thrift(self) -> None:
        """Daemons that take turns don't waste many."""
        store = open_memory_store()
        daemons = [Sessions(store), Sessions(store)]
        numbers = [daemons[turn % 2].fresh() for turn in range(2000)]
        self.assertLess(numbers[-1], 4000)

    def test_clone_elsewhere(self) -> None:
        """A clone made by a daemon that began earlier does not write into its origin."""
        store = open_memory_store()
        first, second = Sessions(store), Sessions(store)
        first.fresh()
        catalogue = Catalogue(store, second, time.time)
        catalogue.create("v", OBJECT_BYTES)
        volume = open_volume(store, "v", second.fresh())
        volume.write(0, b"old")
        volume.close()
        catalogue.seal("v")
        Catalogue(store, first, time.time).clone("v", "c")
        clone = open_volume(store, "c", first.fresh())
        clone.write(0, b"new")
        clone.close()
        found = bytearray(3)
        open_volume(store, "v", second.fresh()).read_into(0, memoryview(found))
        self.assertEqual(found, b"old")

    def test_frozen_elsewhere(self) -> None:
        """A session that was drawn before another daemon froze the volume is refused."""
        store = open_memory_store()
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        catalogue.create("v", OBJECT_BYTES)
        early = sessions.fresh()
        catalogue.snapshot("v", "s")
        self.assertRaises(VolumeBusy, open_volume, store, "v", early)

    def test_replaced_elsewhere(self) -> None:
        """A lease on a volume that is gone is none on the next of that name."""
        store = open_memory_store()
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        catalogue.create("v", OBJECT_BYTES)
        acquire = store.leases.acquire

        def replaced_before(name: str, holder: bytes) -> Any:
            self.patch(store.leases, "acquire", acquire)
            catalogue.delete("v")
            catalogue.create("v", OBJECT_BYTES)
            return acquire(name, holder)

        self.patch(store.leases, "acquire", replaced_before)
        self.assertRaises(VolumeBusy, open_volume, store, "v", sessions.fresh())

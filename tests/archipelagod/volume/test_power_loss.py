"""
Power cuts at any instant: what was flushed is there, what was not is old or new, nothing else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.memory import MemoryLog, MemoryObjects, MemoryRecords
from archipelagod.stores.store import Store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.open_map import MAPS
from archipelagod.volume.opening import open_volume, read_map
from archipelagod.volume.reclaim import DELETED
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.volume import Volume

SIZE = 2 * OBJECT_BYTES + 64
PLACES = [
    0,
    32,
    OBJECT_BYTES - 16,
    OBJECT_BYTES + 64,
    2 * OBJECT_BYTES,
]  # 32 bytes are written at each


class PowerCut(Exception):
    """
    The machine is off.
    """


class Machine:
    """
    Counts what is done to its disk, and goes off at a given count.
    """

    def __init__(self, chance: random.Random, lasts: int) -> None:
        self.chance = chance
        self.lasts = lasts

    def step(self) -> None:
        """Something is about to be done."""
        if self.lasts <= 0:
            raise PowerCut
        self.lasts -= 1


class UnsafeObjects:
    """
    MemoryObjects that may forget what was not flushed: contents in part, and existence.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._memory = MemoryObjects()
        self._safe: dict[int, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    def _changed(self, name: str, *arguments: Any) -> None:
        self._machine.step()
        getattr(self._memory, name)(*arguments)

    def create(self, oid: int) -> None:
        """See IObjects."""
        self._changed("create", oid)

    def write(self, oid: int, offset: int, data: bytes) -> None:
        """See IObjects."""
        self._changed("write", oid, offset, data)

    def copy(self, source: int, target: int) -> None:
        """See IObjects."""
        self._changed("copy", source, target)

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        self._changed("zero", oid, offset, size)

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects."""
        for oid in oids:
            self._machine.step()
            if oid in self._memory._contents:
                self._safe[oid] = bytes(self._memory._contents[oid])

    def flush_all(self) -> None:
        """See IObjects."""
        self.flush(list(self._memory._contents))

    def remove(self, oid: int) -> None:
        """See IObjects.  A removal that was not flushed may come undone: that only wastes space."""
        self._changed("remove", oid)
        self._safe.pop(oid, None)

    def cut(self) -> MemoryObjects:
        """What is there after a power cut."""
        left = MemoryObjects()
        for oid, content in self._memory._contents.items():
            if oid in self._safe:
                kept = self._safe[oid] if self._machine.chance.random() < 0.5 else content
                left._contents[oid] = bytearray(kept)
            elif self._machine.chance.random() < 0.5:
                size = self._machine.chance.choice([0, len(content) // 2, len(content)])
                left._contents[oid] = bytearray(content[:size])
        return left


class UnsafeLog:
    """
    A log that may lose its end.
    """

    def __init__(self, records: UnsafeRecords, room: str, name: str, log: MemoryLog) -> None:
        self._records = records
        self._log = log
        self._key = (room, name)

    def append(self, data: bytes) -> None:
        """See ILog."""
        self._records._machine.step()
        self._log.append(data)

    def sync(self) -> None:
        """See ILog."""
        self._records._machine.step()
        self._records.safe_size[self._key] = len(self._records._memory._values[self._key])

    def close(self) -> None:
        """See ILog."""


class UnsafeRecords:
    """
    MemoryRecords whose logs may lose what was not synced.  All else is safe when it returns.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._memory = MemoryRecords()
        self.safe_size: dict[tuple[str, str], int] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._memory, name)
        if name not in ("put", "create", "move", "remove"):
            return found

        def counted(*arguments: Any) -> Any:
            self._machine.step()
            return found(*arguments)

        return counted

    def log(self, room: str, name: str, start: bytes, replaces: bool = False) -> UnsafeLog:
        """See IRecords."""
        self._machine.step()
        log = UnsafeLog(self, room, name, self._memory.log(room, name, start, replaces))
        self.safe_size[room, name] = len(start)
        return log

    def cut(self) -> MemoryRecords:
        """What is there after a power cut."""
        left = MemoryRecords()
        for key, value in self._memory._values.items():
            size = len(value)
            if key in self.safe_size:
                size = self._machine.chance.randint(self.safe_size[key], size)
            left._values[key] = bytearray(value[:size])
        return left


class Guest:
    """
    What a volume may hold: at each place the value that is safe, or any written since.
    """

    def __init__(self) -> None:
        self.possible: dict[int, list[bytes]] = {place: [bytes(32)] for place in PLACES}

    def writes(self, place: int, data: bytes) -> None:
        """A write begins."""
        self.possible[place].append(data)

    def flushed(self) -> None:
        """A flush was acknowledged: nothing was written meanwhile."""
        self.possible = {place: found[-1:] for place, found in self.possible.items()}


plans = st.lists(
    st.sampled_from(
        ["write"] * 8 + ["zero", "flush"] * 3 + ["reopen", "snapshot", "clone", "delete"]
    ),
    min_size=5,
    max_size=25,
)


def run_until_cut(
    machine: Machine, store: Store, plan: list[str], guests: dict[str, Guest]
) -> None:
    """
    Does what is planned with "v" and its snapshots and clones.  Raises PowerCut.
    """
    sessions = Sessions(store)
    catalogue = Catalogue(store, sessions, time.time)
    serial = 0

    def opened() -> Volume:
        found = open_volume(store, "v", sessions.fresh())
        found._map.journal_limit = machine.chance.choice([0, 1, 2, 100])  # when it is rewritten
        return found

    volume = opened()
    for number, action in enumerate(plan):
        guest = guests["v"]
        if action == "write":
            place = machine.chance.choice(PLACES)
            serial += 1
            data = serial.to_bytes(2, "big") * 16
            guest.writes(place, data)
            volume.write(place, data)
        elif action == "zero":
            for place in PLACES:
                guest.writes(place, bytes(32))
            volume.zero(0, SIZE)
        elif action == "flush":
            volume.flush()
            guest.flushed()
        elif action == "reopen":
            volume.close()
            guest.flushed()
            volume = opened()
        elif action == "snapshot":
            volume.close()
            guest.flushed()
            frozen = Guest()
            frozen.possible = {place: list(found) for place, found in guest.possible.items()}
            guests[f"s{number}"] = frozen
            catalogue.snapshot("v", f"s{number}")
            volume = opened()
        elif len(guests) > 1:
            victim = machine.chance.choice(sorted(set(guests) - {"v"}))
            if action == "clone" and victim.startswith("s"):
                guests[f"c{number}"] = guests[victim]
                catalogue.clone(victim, f"c{number}")
            elif action == "delete":
                del guests[victim]  # from here on it may be there or not
                catalogue.delete(victim)
                catalogue.reclaim()
    raise PowerCut


class PowerLossTests(SynchronousTestCase):
    """A volume on a machine that goes off."""

    @settings(max_examples=1200, deadline=None)
    @given(plans, st.integers(0, 80), st.integers(0, 2**32))
    def test_flushed_is_there(self, plan: list[str], lasts: int, seed: int) -> None:
        """Whenever the power fails, every volume reads as it may, and no object is left over."""
        machine = Machine(random.Random(seed), 1000)
        objects, records = UnsafeObjects(machine), UnsafeRecords(machine)
        store = Store(cast("Any", objects), cast("Any", records))
        Catalogue(store, Sessions(store), time.time).create("v", SIZE)
        machine.lasts = lasts
        guests = {"v": Guest()}
        self.assertRaises(PowerCut, run_until_cut, machine, store, plan, guests)
        left = Store(cast("Any", objects.cut()), cast("Any", records.cut()))
        retag(left)
        self.check(left, guests)

    def check(self, store: Store, guests: dict[str, Guest]) -> None:
        """The store after the cut."""
        sessions = Sessions(store)
        catalogue = Catalogue(store, sessions, time.time)
        for name in catalogue.unsettled():
            catalogue.settle(name)
        catalogue.reclaim()
        self.assertIn("v", store.records.names(MAPS))
        for name in set(store.records.names(MAPS)) & set(guests):
            volume = open_volume(store, name, sessions.fresh())
            for place, possible in guests[name].possible.items():
                found = bytearray(32)
                volume.read_into(place, memoryview(found))
                for half in (slice(0, 16), slice(16, 32)):  # a write across objects is two
                    self.assertIn(bytes(found[half]), [data[half] for data in possible])
        self.check_objects(store)

    def check_objects(self, store: Store) -> None:
        """Every object that is referred to is there, and no other."""
        needed: set[int] = set()
        for room in (MAPS, DELETED):
            for name in store.records.names(room):
                slots = set(read_map(store, room, name)[1])
                needed.update(slots)
                if room == DELETED:
                    self.assertTrue(slots - {0}, "a deleted map that keeps nothing")
        objects = {oid for session in range(1, 1000) for oid in store.objects.of_session(session)}
        self.assertEqual(objects, needed - {0})
        self.assertEqual(store.records.names("journals"), [])


def retag(store: Store) -> None:
    """The journals come from another boot."""
    from tests.archipelagod.volume.test_crash import retagged

    for name in store.records.names("journals"):
        data = store.records.get("journals", name)
        whole = len(data) // 24 * 24
        store.records.put("journals", name, retagged(data[:whole]) + data[whole:])

"""
Volumes, against bytes that do the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import Store, open_file_store, open_memory_store
from archipelagod.volume import slots
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import FIRST_OBJECT, OBJECT_BYTES, PARTIAL
from archipelagod.volume.opening import open_volume, read_map
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.slots import Slots
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.volume import Volume

# Offsets cluster at the borders of objects: that is where mistakes are.
offsets = st.builds(
    lambda index, near: max(0, index * OBJECT_BYTES + near),
    st.integers(0, 3),
    st.integers(-40, 40),
)
sizes = st.one_of(
    st.integers(1, 90),
    st.sampled_from([4096, 4097, 12288]),
    st.sampled_from([OBJECT_BYTES - 1, OBJECT_BYTES, OBJECT_BYTES + 1, 2 * OBJECT_BYTES]),
)
volume_sizes = st.one_of(
    st.integers(1, 3 * OBJECT_BYTES + 100), st.just(3 * OBJECT_BYTES), st.just(OBJECT_BYTES + 7)
)
NAMES = "abcdef"


def parts(volume: Volume) -> Iterable[tuple[int, bytes]]:
    """What is near the borders of objects, where all the tests write."""
    for border in range(0, volume.size_bytes + 1, OBJECT_BYTES):
        start = max(0, border - 200)
        found = bytearray(b"\xee") * min(400, volume.size_bytes - start)
        volume.read_into(start, memoryview(found))
        yield start, bytes(found)


def objects(store: Store) -> set[int]:
    """Every object that is in the store."""
    last = int(store.records.get("counters", "session"))
    return {oid for session in range(1, last) for oid in store.objects.of_session(session)}


def kill(volume: Volume) -> None:
    """The writer dies without a word: all that happens is that its lease is free."""
    if volume.map._lease is not None:
        volume.map._lease.release()


def needed_by(store: Store, name: str) -> set[int]:
    """Every object that a closed volume refers to."""
    found = Slots(store, read_map(store, MAPS, name)).references()
    return {oid for oid in found if oid >= FIRST_OBJECT}


class VolumesMachine(RuleBasedStateMachine):
    """
    A few volumes and their models.  Writers come and go, some by a crash.
    """

    make_store = staticmethod(open_memory_store)

    def __init__(self) -> None:
        super().__init__()
        self.store = self.make_store()
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, time.time)
        self.models: dict[str, bytearray] = {}
        self.sealed: set[str] = set()
        self.open: dict[str, Volume] = {}
        self.crashed: set[str] = set()  # not opened since

    @initialize(size=volume_sizes)
    def begin(self, size: int) -> None:
        """One volume is there."""
        self.create(size)

    def free(self) -> str:
        """A name that is not taken, or nothing."""
        return next((name for name in NAMES if name not in self.models), "")

    @precondition(lambda self: len(self.models) < 2)
    @rule(size=volume_sizes)
    def create(self, size: int) -> None:
        """A volume of zeros."""
        name = self.free()
        self.catalogue.create(name, size)
        self.models[name] = bytearray(size)

    def opened(self, name: str) -> Volume:
        """The volume, opened if need be."""
        self.crashed.discard(name)
        if name not in self.open:
            self.open[name] = open_volume(self.store, name, self.sessions.fresh())
        return self.open[name]

    def closed(self, name: str) -> None:
        """The volume is closed well, or nobody has it open since a crash."""
        self.crashed.discard(name)
        if name in self.open:
            self.open.pop(name).close()

    def writable(self) -> list[str]:
        """Names of volumes that take writes."""
        return sorted(set(self.models) - self.sealed)

    @precondition(lambda self: self.writable())
    @rule(data=st.data(), offset=offsets, size=sizes, byte=st.integers(1, 255))
    def write(self, data: st.DataObject, offset: int, size: int, byte: int) -> None:
        """A write within the volume."""
        name = data.draw(st.sampled_from(self.writable()))
        model = self.models[name]
        offset %= len(model)
        size = min(size, len(model) - offset)
        self.opened(name).write(offset, bytes([byte]) * size)
        model[offset : offset + size] = bytes([byte]) * size

    @precondition(lambda self: self.writable())
    @rule(data=st.data(), offset=offsets, size=sizes)
    def zero(self, data: st.DataObject, offset: int, size: int) -> None:
        """Zeroes within the volume."""
        name = data.draw(st.sampled_from(self.writable()))
        model = self.models[name]
        offset %= len(model)
        size = min(size, len(model) - offset)
        self.opened(name).zero(offset, size)
        model[offset : offset + size] = bytes(size)

    @precondition(lambda self: self.models and self.free())
    @rule(data=st.data())
    def snapshot(self, data: st.DataObject) -> None:
        """A snapshot of any volume, open or not."""
        name = self.free()
        origin = data.draw(st.sampled_from(sorted(self.models)))
        if origin in self.open:
            self.catalogue.freeze(self.open[origin], self.catalogue.new_map(name))
        else:
            self.closed(origin)
            self.catalogue.snapshot(origin, name)
        self.models[name] = bytearray(self.models[origin])
        self.sealed.add(name)

    @precondition(lambda self: self.sealed and self.free())
    @rule(data=st.data(), more=st.sampled_from([0, 1, 300]))
    def clone(self, data: st.DataObject, more: int) -> None:
        """A clone of any snapshot, perhaps larger."""
        name = self.free()
        origin = data.draw(st.sampled_from(sorted(self.sealed)))
        size = len(self.models[origin]) + more
        self.catalogue.clone(origin, name, size)
        self.models[name] = self.models[origin] + bytes(more)

    @precondition(lambda self: self.writable())
    @rule(data=st.data())
    def seal(self, data: st.DataObject) -> None:
        """A volume becomes an image."""
        name = data.draw(st.sampled_from(self.writable()))
        self.closed(name)
        self.catalogue.seal(name)
        self.sealed.add(name)

    @precondition(lambda self: self.writable())
    @rule(data=st.data(), size=volume_sizes)
    def resize(self, data: st.DataObject, size: int) -> None:
        """A new size; what was cut off does not come back."""
        name = data.draw(st.sampled_from(self.writable()))
        if name in self.open:
            self.open[name].resize(size)
        else:
            self.closed(name)
            self.catalogue.resize(name, size)
        model = self.models[name]
        del model[size:]
        model.extend(bytes(size - len(model)))

    @precondition(lambda self: self.writable())
    @rule(data=st.data())
    def own(self, data: st.DataObject) -> None:
        """A volume shares nothing any more."""
        name = data.draw(st.sampled_from(self.writable()))
        volume = self.opened(name)
        volume.own(0, volume.size_bytes)
        kinds = {kind for _, _, kind in volume.mapping(0, volume.size_bytes)}
        assert kinds <= {"zero", "own"}

    @precondition(lambda self: self.writable() and self.sealed)
    @rule(data=st.data())
    def rollback(self, data: st.DataObject) -> None:
        """A volume is as a snapshot of its family again."""
        name = data.draw(st.sampled_from(self.writable()))
        self.closed(name)
        family = self.catalogue.header(name).family
        kin = [each for each in sorted(self.sealed) if self.catalogue.header(each).family == family]
        if kin:
            origin = data.draw(st.sampled_from(kin))
            self.catalogue.rollback(name, origin)
            self.models[name] = bytearray(self.models[origin])

    @precondition(lambda self: self.models and self.free())
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        """Another name."""
        name = self.free()
        old = data.draw(st.sampled_from(sorted(self.models)))
        self.closed(old)
        self.catalogue.rename(old, name)
        self.models[name] = self.models.pop(old)
        if old in self.sealed:
            self.sealed.remove(old)
            self.sealed.add(name)

    @precondition(lambda self: self.models)
    @rule(data=st.data(), reclaims=st.booleans())
    def delete(self, data: st.DataObject, reclaims: bool) -> None:
        """A volume goes; its objects now or later."""
        name = data.draw(st.sampled_from(sorted(self.models)))
        self.closed(name)
        header = self.catalogue.delete(name)
        if reclaims:
            self.catalogue.reclaim({header.family})
        del self.models[name]
        self.sealed.discard(name)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), how=st.sampled_from(["close", "flush", "crash"]))
    def leave(self, data: st.DataObject, how: str) -> None:
        """A writer closes, flushes, or dies without a word."""
        name = data.draw(st.sampled_from(sorted(self.open)))
        if how == "flush":
            self.open[name].flush()
        elif how == "close":
            self.closed(name)
        else:
            kill(self.open.pop(name))
            self.crashed.add(name)

    @rule()
    def restart(self) -> None:
        """The daemon dies and comes back."""
        for volume in self.open.values():
            kill(volume)
        self.open.clear()
        self.crashed.clear()
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, time.time)
        for name in self.catalogue.unsettled():
            self.catalogue.settle(name)
        self.catalogue.reclaim()

    @invariant()
    def content(self) -> None:
        """Every volume reads as its model."""
        for name, model in self.models.items():
            if name in self.crashed:
                continue
            volume = self.open.get(name) or open_volume(self.store, name, self.sessions.fresh())
            assert volume.size_bytes == len(model)
            for start, found in parts(volume):
                assert found == model[start : start + len(found)], (name, start)
            self.check_usage(volume)
            if name not in self.open:
                volume.close()

    def check_usage(self, volume: Volume) -> None:
        """What is counted as it goes is what a look at the map says."""
        kinds: dict[str, int] = {"own": 0, "shared": 0, "zero": 0}
        whole = -(-volume.size_bytes // OBJECT_BYTES) * OBJECT_BYTES
        for _, size, kind in volume._reading.mapping(0, whole):
            kinds[kind] += size
        used = sum(1 for slot in volume.map.slots.view if slot)
        own = sum(
            partial.bits.bit_count() * 4096
            if slot & PARTIAL and (partial := volume.map.slots.partial(index))
            else OBJECT_BYTES
            for index, slot in enumerate(volume.map.slots.view)
            if slot & ~PARTIAL >= volume.map.slots.own_floor
        )
        usage = volume.usage()
        assert (usage.own, usage.own + usage.shared) == (own, used * OBJECT_BYTES)

    @invariant()
    def garbage(self) -> None:
        """When nobody writes, every object is needed by someone."""
        if self.open or self.store.records.names("deleted"):
            return
        if self.catalogue.unsettled():
            return
        needed: set[int] = set()
        for name in self.models:
            needed.update(needed_by(self.store, name))
        assert not objects(self.store) - needed

    def teardown(self) -> None:
        """Nothing is left once everything is deleted."""
        for name in list(self.models):
            self.closed(name)
            self.catalogue.delete(name)
        self.catalogue.reclaim()
        assert not objects(self.store)
        assert not self.store.records.names("deleted")
        assert not self.store.records.names("journals")


class ModelTests(SynchronousTestCase):
    """VolumesMachine."""

    def test_memory(self) -> None:
        """Any history, in memory."""
        run_state_machine_as_test(
            VolumesMachine,
            settings=settings(max_examples=60, stateful_step_count=40),
        )

    def test_bodies(self) -> None:
        """Any history, when every map that is written has a new body."""
        self.patch(slots, "DELTA_LIMIT", 0)
        run_state_machine_as_test(
            VolumesMachine,
            settings=settings(max_examples=60, stateful_step_count=40),
        )

    def test_files(self) -> None:
        """Any history, in files."""

        class InFiles(VolumesMachine):
            make_store = staticmethod(lambda: open_file_store(self.mktemp()))

        run_state_machine_as_test(
            InFiles, settings=settings(max_examples=6, stateful_step_count=15)
        )

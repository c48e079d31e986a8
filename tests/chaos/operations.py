"""
Changes at random, asked for over the block protocol.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from archipelagod.volumes import Volumes
from archipelagod.wire.errors import (
    BadRequest,
    LeaseLost,
    NoSpace,
    NoSuchVolume,
    NotReadOnly,
    ReadOnlyVolume,
    StorageUnavailable,
    VolumeBusy,
    VolumeExists,
)
from tests.chaos.blocks import WRITE
from tests.chaos.control import Control
from tests.chaos.model import Disk
from tests.chaos.origins import cloned, frozen
from tests.chaos.stamps import BLOCK, stamp
from tests.chaos.world import Change, State, World

MIB = 1 << 20
MOST_DISKS = 10
REFUSALS = (
    VolumeBusy,
    NoSuchVolume,
    VolumeExists,
    NotReadOnly,
    BadRequest,
    ReadOnlyVolume,
    NoSpace,
)


def some_size(chance: random.Random) -> int:
    """
    A size for a volume: often whole objects, or one block more or less.
    """
    size = chance.choice([1, 3, 4, 8, 12]) * MIB
    return size + chance.choice([0, 0, 0, BLOCK, -BLOCK, 77 * BLOCK])


class Operator(threading.Thread):
    """
    Asks for changes until told to stop or the daemon dies.  ``failure``: what should not have been.
    """

    def __init__(self, world: World, control: Control, seed: int) -> None:
        super().__init__(daemon=True)
        self.failure: BaseException | None = None
        self.is_stopped = False
        self._world = world
        self._control = control
        self._chance = random.Random(seed)

    def run(self) -> None:
        """See Thread."""
        kinds = [self._create, self._clone, self._clone, self._snapshot, self._snapshot]
        kinds += [self._rename, self._remove, self._resize, self._write, self._write]
        later = {"rollback": self._roll_back, "flatten": self._flatten, "gc": self._collect}
        kinds += [ask for name, ask in later.items() if hasattr(Volumes, name)]
        try:
            while not self.is_stopped:
                self._chance.choice(kinds)()
                time.sleep(self._chance.choice([0, 0, 0.01, 0.03]))
        except (StorageUnavailable, LeaseLost):
            pass
        except BaseException as error:  # noqa: BLE001 - shown by whoever joins us
            self.failure = error
        finally:
            self._control.close()

    def _ask(self, change: Change, ask: Callable[[], object]) -> None:
        """
        Asks, if it may.  Raises StorageUnavailable, or LeaseLost, and leaves the change pending,
        when the daemon dies, or Ceph is away for too long.
        """
        if not self._world.begin(change):
            return
        try:
            ask()
        except StorageUnavailable:
            raise
        except REFUSALS as error:
            self._world.count(f"{change.kind}: {type(error).__name__}")
            self._world.finish(change, happened=False)
        else:
            self._world.finish(change, happened=True)

    def _create(self) -> None:
        if len(self._world.disks) >= MOST_DISKS:
            return
        number = self._world.number()
        name, size = f"v{number}", some_size(self._chance)

        def after() -> State:
            return {name: Disk(name, number, size)}

        change = Change("create", (name,), {name: None}, after)
        self._ask(change, lambda: self._control.create(name, size))

    def _clone(self) -> None:
        origin = self._world.choose(self._chance, lambda disk: disk.is_read_only)
        if origin is None or len(self._world.disks) >= MOST_DISKS:
            return
        number = self._world.number()
        name, source = f"c{number}", origin.name
        more = self._chance.choice([0, 0, BLOCK, 4 * MIB])
        size = origin.size_bytes + more

        def after() -> State:
            return {name: cloned(origin, name, number, size)}

        change = Change("clone", (name,), {name: None}, after)
        self._ask(change, lambda: self._control.clone(source, name, size if more else None))

    def _snapshot(self) -> None:
        is_live = self._chance.random() < 0.6
        origin = self._world.choose(
            self._chance, lambda disk: not disk.is_read_only, is_free=not is_live
        )
        if origin is None or len(self._world.disks) >= MOST_DISKS:
            return
        number = self._world.number()
        name, source, start_s = f"s{number}", origin.name, time.monotonic()

        def after() -> State:
            return {name: frozen(origin, name, number, start_s)}

        kind = "live snapshot" if source in self._world.used else "snapshot"
        change = Change(kind, (name,), {name: None}, after, (source,))
        self._ask(change, lambda: self._control.snapshot(source, name))

    def _rename(self) -> None:
        disk = self._world.choose(self._chance, lambda _: True)
        if disk is None:
            return
        name, new_name = disk.name, f"r{self._world.number()}"
        before: State = {name: disk, new_name: None}
        change = Change("rename", (name, new_name), before, lambda: {name: None, new_name: disk})
        self._ask(change, lambda: self._control.rename(name, new_name))

    def _remove(self) -> None:
        if len(self._world.disks) < MOST_DISKS // 2:
            return
        disk = self._world.choose(self._chance, lambda _: True)
        if disk is None:
            return
        name = disk.name
        change = Change("delete", (name,), {name: disk}, lambda: {name: None})
        self._ask(change, lambda: self._control.delete(name))

    def _resize(self) -> None:
        disk = self._world.choose(self._chance, lambda disk: not disk.is_read_only)
        if disk is None:
            return
        name, size = disk.name, some_size(self._chance)

        def after() -> State:
            return {name: cut(disk, size)}

        change = Change("resize", (name,), {name: disk}, after)
        self._ask(change, lambda: self._control.resize(name, size))

    def _roll_back(self) -> None:
        disk = self._world.choose(self._chance, lambda disk: not disk.is_read_only)
        if disk is None:
            return
        wanted = (disk.family, True)
        snapshot = self._world.choose(
            self._chance, lambda each: (each.family, each.is_read_only) == wanted
        )
        if snapshot is None:
            return
        name, source = disk.name, snapshot.name

        def after() -> State:
            made = disk.copy()
            made.size_bytes = snapshot.size_bytes
            made.blocks = cloned(snapshot, name, 0, 0).blocks
            return {name: made}

        change = Change("rollback", (name,), {name: disk}, after, (source,))
        self._ask(change, lambda: self._control.rollback(name, source))

    def _flatten(self) -> None:
        disk = self._world.choose(self._chance, lambda disk: not disk.is_read_only)
        if disk is not None:
            name = disk.name
            change = Change("flatten", (name,), {name: disk}, lambda: {name: disk})
            self._ask(change, lambda: self._control.flatten(name))

    def _collect(self) -> None:
        change = Change("gc", (), {}, dict)
        self._ask(change, self._control.collect)

    def _write(self) -> None:
        disk = self._world.choose(self._chance, lambda disk: not disk.is_read_only)
        if disk is None:
            return
        with self._world.lock:
            if disk.name in self._world.used:
                return
            self._world.used.add(disk.name)
        try:
            self._write_some(disk)
        except VolumeBusy:
            self._world.count("write: VolumeBusy")
        finally:
            with self._world.lock:
                self._world.used.discard(disk.name)

    def _write_some(self, disk: Disk) -> None:
        for _ in range(self._chance.randint(1, 6)):
            count = self._chance.choice([1, 1, 3, 40])
            first = self._chance.randrange(max(1, disk.size_bytes // BLOCK - count))
            blocks = range(first, min(first + count, disk.size_bytes // BLOCK))
            value, ops = disk.begin(WRITE, blocks)
            data = b"".join(stamp(value, block) for block in blocks)
            try:
                self._control.write(disk.name, first * BLOCK, data)
            except VolumeBusy:
                disk.withdraw(ops)
                raise
            except NoSpace:
                disk.failed(ops)
                return
            disk.acknowledge(ops)
            self._world.count("control write")
        if self._chance.random() < 0.5:
            safe = disk.flushing()
            self._control.flush(disk.name)
            disk.flushed(safe)


def cut(disk: Disk, size_bytes: int) -> Disk:
    """
    The volume, with another size.
    """
    made = disk.copy()
    made.cut(size_bytes)
    return made

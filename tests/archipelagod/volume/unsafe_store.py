"""
A store on a machine that may lose power: what was not flushed may be gone, in whole or in part.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from typing import Any

from archipelagod.stores.memory import MemoryLog, MemoryObjects, MemoryRecords
from archipelagod.stores.memory_blocks import MemoryBlocks
from archipelagod.stores.memory_leases import MemoryLeases
from archipelagod.stores.store import Store
from archipelagod.volume import journal
from archipelagod.volume.journal import RECORD_BYTES
from archipelagod.volume.map_format import BLOCK_BYTES

OTHER_BOOT = 1


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
        self.lives = 0  # times it was switched on

    def step(self) -> None:
        """Something is about to be done."""
        if self.lasts <= 0:
            raise PowerCut
        self.lasts -= 1


class UnsafeObjects:
    """
    MemoryObjects that may forget what was not flushed: contents in part, and existence.
    """

    def __init__(self, machine: Machine, memory: MemoryObjects) -> None:
        self._machine = machine
        self._memory = memory
        self._safe = {oid: bytes(content) for oid, content in memory._contents.items()}

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

    def copy_range(self, source: int, target: int, offset: int, size: int) -> None:
        """See IObjects."""
        self._changed("copy_range", source, target, offset, size)

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
                left._contents[oid] = self._mixed(self._safe[oid], content)
            elif self._machine.chance.random() < 0.5:
                size = self._machine.chance.choice([0, len(content) // 2, len(content)])
                left._contents[oid] = bytearray(content[:size])
        return left

    def _mixed(self, safe: bytes, content: bytearray) -> bytearray:
        """Each block as it was flushed or as it was written since."""
        chance = self._machine.chance
        if safe == content:
            return bytearray(content)
        size = max(len(safe), len(content))
        old, new = safe.ljust(size, b"\0"), bytes(content).ljust(size, b"\0")
        mixed = bytearray(old if chance.random() < 0.5 else new)
        for start in range(0, size, BLOCK_BYTES):
            block = slice(start, start + BLOCK_BYTES)
            if old[block] != new[block]:
                mixed[block] = (old if chance.random() < 0.5 else new)[block]
        return mixed


class UnsafeLog:
    """
    A log of which what was not synced may be lost, in whole or in part.
    """

    def __init__(self, records: UnsafeRecords, room: str, name: str, log: MemoryLog) -> None:
        self._records = records
        self._log = log
        self._key = (room, name)

    def append(self, data: bytes | bytearray) -> None:
        """See ILog."""
        self._records._machine.step()
        self._log.append(data)

    def sync(self) -> None:
        """See ILog."""
        self._records._machine.step()
        self._records.made_safe(*self._key)

    def restart(self, start: bytes) -> None:
        """See ILog."""
        self._records._machine.step()
        self._log.restart(start)
        self._records.made_safe(*self._key)

    def close(self) -> None:
        """See ILog."""


class UnsafeRecords:
    """
    MemoryRecords whose logs may lose what was not synced.  All else is safe when it returns.
    """

    def __init__(self, machine: Machine, memory: MemoryRecords) -> None:
        self._machine = machine
        self._memory = memory
        self._safe: dict[tuple[str, str], bytes] = {}  # what logs had when they were synced

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
        self.made_safe(room, name)
        return log

    def made_safe(self, room: str, name: str) -> None:
        """The log will be there as it is now."""
        self._safe[room, name] = bytes(self._memory._values[room, name])

    def cut(self) -> MemoryRecords:
        """What is there after a power cut."""
        left = MemoryRecords()
        for key, value in self._memory._values.items():
            left._values[key] = bytearray(self._left(self._safe.get(key, bytes(value)), value))
        return left

    def _left(self, safe: bytes, value: bytearray) -> bytes:
        """Its beginning as it became, or any parts of it; the end may not be there at all."""
        chance = self._machine.chance
        old = safe.ljust(len(value), b"\0")
        cut = chance.randint(0, len(value))
        left = bytearray(value[:cut] + old[cut:])
        for _ in range(chance.choice((0, 0, 1, 3))):
            start = chance.randint(0, len(value))
            part = slice(start, start + chance.choice((1, 2, 5)) * RECORD_BYTES)
            left[part] = chance.choice((old, value))[part]
        return bytes(left[: max(len(safe), chance.choice((cut, len(value))))])


class UnsafeStore:
    """
    Both; leases end with the machine.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._start(MemoryObjects(), MemoryRecords())

    def _start(self, objects: MemoryObjects, records: MemoryRecords) -> None:
        self._objects = UnsafeObjects(self._machine, objects)
        self._records = UnsafeRecords(self._machine, records)
        parts: Any = (self._objects, self._records, MemoryBlocks(), MemoryLeases())
        self.store = Store(*parts)

    def cut(self) -> None:
        """The power goes and comes: ``store`` is what is left, and all of it is safe."""
        self._start(self._objects.cut(), self._records.cut())


def other_boot(store: Store) -> None:
    """
    The journals come from another boot of the machine.
    """
    for room in (journal.ROOM, journal.RELAYS):
        for name in store.records.names(room):
            data = store.records.get(room, name)
            kind, _, index, slot, parent, _ = struct.unpack_from("<HHIQQI", data)
            assert kind == journal.START
            again = journal.pack(kind, index, slot, OTHER_BOOT, parent)
            store.records.put(room, name, again + data[RECORD_BYTES:])

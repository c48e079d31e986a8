"""
Whether a map, and all that it refers to, is as it should be.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from archipelagod.upkeep.findings import Finding
from archipelagod.volume.census import Step
from archipelagod.volume.map_format import (
    FIRST_OBJECT,
    KEY_BYTES,
    PARTIAL,
    DamagedMap,
    Header,
    Record,
    decode,
)
from archipelagod.volume.opening import read_journal
from archipelagod.volume.slots import BODIES, CHUNK, Slots, body_name
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.sweeps import split

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

LOOK_BYTES = 4096  # what it costs to see whether something is there
SUMMED_BYTES = 1 << 20
TRIES = 3
MOST_SEEN = 500_000


class MapCheck:
    """
    Checks maps one after the other; what several share, once.

    A map that changes meanwhile is read anew, and what it let go since is not missed: an open
    volume removes objects that its record still names, as its journal says.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._summed: set[int] = set()  # bodies
        self._hidden: dict[int, set[int]] = {}  # indices of a body that were not looked at
        self._seen: set[int] = set()  # objects that are there
        self._lists: set[int] = set()  # of keys, that were looked at

    def check(self, room: str, name: str) -> Generator[Step, None, list[Finding]]:
        """
        All that is wrong with one map, a step at a time; nothing if it is gone.  Raises OSError.
        """
        where = name if room == MAPS else f"{room}/{name}"
        found: list[Finding] = []
        for _ in range(TRIES):
            try:
                data = self._store.records.get(room, name)
            except FileNotFoundError:
                return []
            found = []
            yield from self._look(where, data, found, has_all=room == MAPS)
            if not found or self._is_same(room, name, data):
                return found
        return []  # it changes all the time: it is well enough for its owner

    def _is_same(self, room: str, name: str, data: bytes) -> bool:
        try:
            return self._store.records.get(room, name) == data
        except FileNotFoundError:
            return False

    def _look(
        self, where: str, data: bytes, found: list[Finding], *, has_all: bool
    ) -> Iterator[Step]:
        """
        has_all: what it refers to must be there; of a deleted map some may be removed already.
        """
        yield Step(maps=1, read_bytes=len(data))
        try:
            record = decode(data)
        except DamagedMap as error:
            found.append(Finding("damaged_map", where, str(error)))
            return
        try:
            if record.header.body:
                yield from self._sum(record.header)
            slots = Slots(self._store, record)
            if has_all:
                yield from self._objects(where, record, slots, found)
            if has_all and record.header.keys:
                yield from self._blocks(where, record.header, found)
        except FileNotFoundError as error:
            if has_all:
                found.append(Finding("damaged_body", where, str(error)))
        except DamagedMap as error:
            found.append(Finding("damaged_body", where, str(error)))

    def _sum(self, header: Header) -> Iterator[Step]:
        if header.body in self._summed:
            return
        view = self._store.records.view(BODIES, body_name(header.body))
        checksum = 0
        for start in range(0, len(view), SUMMED_BYTES):
            part = view[start : start + SUMMED_BYTES]
            checksum = zlib.crc32(part, checksum)
            yield Step(read_bytes=len(part))
        if checksum != header.body_sum:
            raise DamagedMap(f"body {body_name(header.body)} is damaged")
        self._summed.add(header.body)

    def _objects(
        self, where: str, record: Record, slots: Slots, found: list[Finding]
    ) -> Iterator[Step]:
        hidden = self._hidden.get(record.header.body)
        lost: dict[int, list[int]] = {}  # indices by object
        some = None if hidden is None else hidden.union(record.delta)
        for index, slot in _slots(slots, some):
            for oid in _referred(slots, index, slot):
                if oid in self._seen:
                    continue
                yield Step(read_bytes=LOOK_BYTES)
                if not self._is_there(oid):
                    lost.setdefault(oid, []).append(index)
        let_go = self._let_go(record.header) if lost else set()
        found.extend(
            Finding("lost_object", f"{oid:016x}", f"{where}, index {indices[0]}")
            for oid, indices in lost.items()
            if not let_go.issuperset(indices)
        )
        if not lost and record.header.body:
            unseen = set(record.delta) if hidden is None else hidden
            self._hidden[record.header.body] = unseen.intersection(record.delta)

    def _is_there(self, oid: int) -> bool:
        try:
            self._store.objects.space(oid)
        except FileNotFoundError:
            return False
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen.add(oid)
        return True

    def _let_go(self, header: Header) -> set[int]:
        """
        Indices where an open volume has something else by now.
        """
        journal = read_journal(self._store, header)
        if journal is None or journal.serial != header.serial:
            return set()
        return {change.at for change in journal.changes}

    def _blocks(self, where: str, header: Header, found: list[Finding]) -> Iterator[Step]:
        if header.keys in self._lists:
            return
        view = self._store.records.view(BODIES, body_name(header.keys))
        if len(view) != header.key_count * KEY_BYTES:
            raise DamagedMap("the length of its list of keys is wrong")
        for key in split(view):
            yield Step(read_bytes=LOOK_BYTES)
            if not self._has(key):
                found.append(Finding("lost_block", key.hex(), where))
        self._lists.add(header.keys)

    def _has(self, key: bytes) -> bool:
        try:
            self._store.blocks.space(key)
        except FileNotFoundError:
            return False
        return True


def _slots(slots: Slots, indices: set[int] | None) -> Iterator[tuple[int, int]]:
    """
    Some slots with their indices, or all.
    """
    view = slots.view
    if indices is not None:
        yield from ((index, view[index]) for index in sorted(indices) if index < len(view))
        return
    for start in range(0, len(view), CHUNK):
        yield from enumerate(view[start : start + CHUNK].tolist(), start)


def _referred(slots: Slots, index: int, slot: int) -> Iterator[int]:
    if slot & PARTIAL:
        yield slot & ~PARTIAL
        parent = slots.partial(index).parent
        if parent >= FIRST_OBJECT:
            yield parent
    elif slot >= FIRST_OBJECT:
        yield slot

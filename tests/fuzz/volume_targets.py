"""
Volumes of which the store says anything, with checksums that are right.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator

from archipelagod.stores.store import Store, open_memory_store
from archipelagod.volume import journal, map_format
from archipelagod.volume.map_format import PARTIAL, DamagedMap, Header, Partial
from archipelagod.volume.opening import open_volume
from archipelagod.volume.slots import BODIES, body_name
from archipelagod.volume.stored_map import MAPS
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError
from tests.fuzz.cursor import Cursor
from tests.fuzz.messages import counted
from tests.fuzz.stored_targets import repaired_map
from tests.fuzz.wire_targets import attempt

ALLOWED = (StorageError, DamagedMap, OSError)
UID, OLD, SESSION, SERIAL = 5, 3, 9, 3
BODY, KEYS = 5 << 32 | 77, 5 << 32 | 78
SIZES = (1, 4096, 4 << 20, (4 << 20) + 1, 12 << 20, (16 << 20) - 512)
MOST_CHANGES = 12  # some copy an object
KINDS = (0, *range(1, 8))


def opening(data: bytes) -> None:
    """
    A volume whose map (and journal) is anything can be opened and used, or storage says that it
    can't; what could be closed opens again with the same content.
    """
    cursor = Cursor(data)
    store = open_memory_store()
    is_raw = cursor.number() & 1
    if is_raw:
        record = repaired_map(data)
        if isinstance(attempt(map_format.decode, DamagedMap, record), BaseException):
            return
        store.records.put(MAPS, "v", record)
    else:
        Contents(store, cursor).fill()
    counted(1)
    volume = attempt(open_volume, ALLOWED, store, "v", SESSION)
    if not isinstance(volume, Volume):
        return
    if not is_raw:  # or its counts of objects may be anything
        attempt(_use, ALLOWED, volume, cursor)
    seen = _seen(volume)
    if attempt(volume.close, ALLOWED) is None:
        again = open_volume(store, "v", SESSION + 1)
        assert _seen(again) == seen
        again.close()


class Contents:
    """
    A store in which are objects, a map and maybe a journal of them, as the bytes have it.  No two
    slots have one object.
    """

    def __init__(self, store: Store, cursor: Cursor) -> None:
        self._store = store
        self._cursor = cursor
        self._objects: list[int] = []

    def fill(self) -> None:
        """
        Puts everything there.
        """
        cursor, records = self._cursor, self._store.records
        keys = [bytes([number]) * 32 for number in (1, 2)]
        for key in keys:
            self._store.blocks.put(key, key * 2)
        records.put(BODIES, body_name(KEYS), b"".join(keys))
        choice = cursor.number()
        size = SIZES[choice % len(SIZES)]
        count = -(-size // map_format.OBJECT_BYTES)
        own_from = OLD + 1 + cursor.number() % 5
        header = Header(size, UID, UID, 0, own_from, 1, SERIAL, keys=KEYS, key_count=2)
        header = header._replace(
            is_read_only=choice & 64 == 64,
            has_stale_end=choice & 128 == 128 and size % map_format.OBJECT_BYTES != 0,
        )
        slots = {index: slot for index in range(count) if (slot := self._slot())}
        partials = {
            index: Partial(slot & ~PARTIAL, self._parent(), cursor.number(3))
            for index, slot in slots.items()
            if slot & PARTIAL
        }
        header = _with_counts(header, slots, partials)
        if cursor.number() & 1:
            body = map_format.encode_body(
                array("Q", [slots.get(index, 0) for index in range(count)]),
                sorted(partials.items()),
            )
            records.put(BODIES, body_name(BODY), body)
            header = header._replace(
                body=BODY, body_slots=count, body_partials=len(partials), body_sum=zlib.crc32(body)
            )
            slots, partials = {}, {}
        records.put(MAPS, "v", map_format.encode(header, slots, partials))
        if cursor.number() & 1:
            log = b"".join(self._log(count))
            records.put(journal.ROOM, journal.journal_name(UID), log)
            if cursor.number() & 1:
                log = b"".join(self._log(count))
                records.put(journal.RELAYS, journal.journal_name(UID), log)

    def _object(self, session: int) -> int:
        oid = session << 32 | len(self._objects)
        self._objects.append(oid)
        self._store.objects.create(oid)
        self._store.objects.write(oid, self._cursor.number() % 8 << 12, b"object %x" % oid)
        return oid

    def _slot(self, lowest: int = OLD) -> int:
        choice = self._cursor.number()
        if choice & 1:
            oid = self._object(lowest + (choice >> 2) % (SESSION - lowest))
            return oid | PARTIAL if choice & 2 else oid
        return (choice >> 1) % 3

    def _parent(self) -> int:
        choice = self._cursor.number()
        return self._object(OLD) if choice & 1 else (choice >> 1) % 3

    def _log(self, count: int) -> Iterator[bytes]:
        """
        A journal that a daemon of this boot or an earlier one left.
        """
        cursor = self._cursor
        tag = journal.boot_tag() + (cursor.number() & 1)
        start = (SESSION - 1) << 32 | SERIAL - cursor.number() // 200
        yield journal.pack(journal.START, UID, start, tag)
        slots: dict[int, int] = {}
        for _ in range(cursor.number() % 12):
            kind = KINDS[cursor.number() % len(KINDS)]
            index, slot, parent, content = cursor.number() % (count + 1), 0, 0, b""
            if kind == journal.CHANGE:
                slots[index] = slot = self._slot(SESSION - 1)
                parent = self._parent() if slot & PARTIAL else 0
            elif kind == journal.FILL:
                parent = slots.get(index, 0)
                slot = cursor.number(2) % 1024 << 32 | cursor.number() % 64
            elif kind in (journal.COMMIT, journal.SYNCED):
                slot = cursor.number() % 12
            elif kind == journal.GARBAGE and self._objects:
                slot = self._objects[cursor.number() % len(self._objects)]
            elif kind == journal.DATA and self._objects:
                slot = self._objects[cursor.number() % len(self._objects)]
                content = cursor.bytes(cursor.number() % 40)
                parent = len(content) << 32 | zlib.crc32(content)
                index = cursor.number(2)
            yield journal.pack(kind, index, slot, tag, parent) + content


def _with_counts(header: Header, slots: dict[int, int], partials: dict[int, Partial]) -> Header:
    floor = header.own_from << 32
    own = [(index, slot) for index, slot in slots.items() if slot & ~PARTIAL >= floor]
    return header._replace(
        all_objects=len(slots),
        own_objects=sum(not slot & PARTIAL for _, slot in own),
        own_blocks=sum(partials[at].bits.bit_count() for at, slot in own if slot & PARTIAL),
    )


def _use(volume: Volume, cursor: Cursor) -> None:
    for _ in range(MOST_CHANGES):
        if cursor.is_at_end:
            break
        counted(1)
        choice, offset = cursor.number(), cursor.extent()
        if choice & 1:
            attempt(volume.write, ALLOWED, offset, cursor.bytes(choice))
        elif choice & 2:
            attempt(volume.zero, ALLOWED, offset, cursor.extent())
        elif choice & 4:
            attempt(volume.flush, ALLOWED)
        elif choice & 8:
            attempt(volume.resize, ALLOWED, SIZES[choice % len(SIZES)])
        else:
            attempt(volume.own, ALLOWED, offset & ~(map_format.OBJECT_BYTES - 1), choice << 16)


def _seen(volume: Volume) -> list[object]:
    """
    Something of every object: the content, or that it can't be read.
    """
    room = bytearray(8192)
    found: list[object] = []
    for at in range(0, volume.size_bytes, map_format.OBJECT_BYTES):
        for inner in (0, 1 << 12, 3 << 20):
            view = memoryview(room)[: max(0, min(len(room), volume.size_bytes - at - inner))]
            failed = attempt(volume.read_into, ALLOWED, at + inner, view)
            found.append(bytes(view) if failed is None else type(failed))
        if len(found) > 30:
            break
    return found

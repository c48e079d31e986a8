"""
The slots of an open volume: what the record and the body say, and what changed since.
"""

from __future__ import annotations

import mmap
import sys
import zlib
from array import array
from typing import TYPE_CHECKING

from archipelagod.volume.map_format import (
    ALL_BLOCKS,
    KEY_BYTES,
    PARTIAL,
    PARTIAL_BYTES,
    DamagedMap,
    Header,
    Partial,
    Record,
    decode_partial,
    encode,
    encode_body,
)

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

BODIES = "bodies"
DELTA_LIMIT = 4096  # changes in a record, after which a new body is written; more for huge volumes
CHUNK = 1 << 16  # slots looked at at once
CHECKED_BYTES = 4 << 20  # bodies up to this are verified when they are opened, all by scrub


def body_name(number: int) -> str:
    """
    Name of the record that holds a body, or a list of keys.
    """
    return f"{number:016x}"


class Slots:
    """
    ``view[index]`` for each object of the volume.  Whoever changes anything holds the map's lock.
    """

    def __init__(self, store: Store, record: Record) -> None:
        self.header = record.header
        self.own_floor = record.header.own_from << 32  # this slot and those above are our own
        self._own = record.header.own_objects
        self._all = record.header.all_objects
        self._own_blocks = record.header.own_blocks
        self._store = store
        self._table = memoryview(b"")  # of partials in the body
        self._changed = set(record.delta)
        self._partials = dict(record.partials)
        self._keys: memoryview | None = None
        self.view = self._opened(record.header)
        for index, slot in record.delta.items():
            if index < len(self.view):
                self.view[index] = slot

    def _opened(self, header: Header) -> memoryview:
        if not header.body:
            return _room(header.slot_count)
        body = self._store.records.view(BODIES, body_name(header.body))
        end = header.body_slots * 8
        if len(body) != end + header.body_partials * PARTIAL_BYTES:
            raise DamagedMap("the length of its body is wrong")
        if len(body) <= CHECKED_BYTES and zlib.crc32(body) != header.body_sum:
            raise DamagedMap("its body is damaged")
        self._table = body[end:]
        if header.body_slots == header.slot_count and sys.byteorder == "little":
            return body[:end].cast("Q")
        return _resized(body[:end], header.slot_count)

    def partial(self, index: int) -> Partial:
        """
        What is known of the partial object at ``index``.
        """
        found = self._partials.get(index)
        return found or self._partials.setdefault(index, self._from_body(index))

    def _from_body(self, index: int) -> Partial:
        low, high = 0, self.header.body_partials
        while low < high:
            middle = (low + high) // 2
            at, parent, bits = decode_partial(self._table, 0, middle)
            if at == index:
                return Partial(self.view[index] & ~PARTIAL, parent, bits)
            if at < index:
                low = middle + 1
            else:
                high = middle
        raise DamagedMap(f"nothing is known of the partial object at {index}")

    def put(self, index: int, slot: int, parent: int = 0) -> int:
        """
        ``index`` holds ``slot`` now (if PARTIAL, an object without blocks).  The slot before.
        """
        old = self.view[index]
        self._count(index, old, -1)
        if slot & PARTIAL:
            self._partials[index] = Partial(slot & ~PARTIAL, parent)
            self.view[index] = slot
        else:
            self.view[index] = slot  # first: who finds no partial looks at the slot again
            self._partials.pop(index, None)
        self._count(index, slot, 1)
        self._changed.add(index)
        return old

    def _count(self, index: int, slot: int, sign: int) -> None:
        if not slot:
            return
        self._all += sign
        if slot & ~PARTIAL < self.own_floor:
            return
        if slot & PARTIAL:
            self._own_blocks += sign * self.partial(index).bits.bit_count()
        else:
            self._own += sign

    def fill(self, index: int, first: int, count: int) -> None:
        """
        The partial object, our own, has these blocks; with the last one it is whole.
        """
        partial = self.partial(index)
        bits = partial.bits | ((1 << count) - 1) << first
        self._own_blocks += bits.bit_count() - partial.bits.bit_count()
        partial.bits = bits
        self._changed.add(index)
        if bits == ALL_BLOCKS:
            self.put(index, self.view[index] & ~PARTIAL)

    def key(self, slot: int) -> bytes:
        """
        Key of the content-addressed block that a slot of session 0 names.
        """
        if self._keys is None:
            self._keys = self._store.records.view(BODIES, body_name(self.header.keys))
        return bytes(self._keys[(slot - 1) * KEY_BYTES : slot * KEY_BYTES])

    def resize(self, size_bytes: int) -> list[int]:
        """
        Makes room for a volume of that size.  Our own objects that are cut off with it.
        """
        header = self.header._replace(size_bytes=size_bytes)
        cut = []
        for index in range(header.slot_count, len(self.view)):
            if self.view[index]:
                slot = self.put(index, 0) & ~PARTIAL
                cut += [slot] if slot >= self.own_floor else []
        if header.slot_count != len(self.view):
            self.view = _resized(self.view, header.slot_count)
            if header.slot_count < header.body_slots:  # or they would come back one day
                self._load_partials()
                header = _without_body(header)
                self._changed = {index for index, slot in enumerate(self.view) if slot}
        self.header = header
        return cut

    def _load_partials(self) -> None:
        for number in range(self.header.body_partials):
            index = decode_partial(self._table, 0, number)[0]
            if index < len(self.view) and self.view[index] & PARTIAL:
                self.partial(index)

    def disown(self, own_floor: int) -> None:
        """
        Slots below ``own_floor`` are shared from now on: all that there are.
        """
        self.own_floor = own_floor
        self._own = self._own_blocks = 0

    def counted(self) -> Header:
        """
        The header, with what this map has.
        """
        return self.header._replace(
            own_objects=self._own, all_objects=self._all, own_blocks=self._own_blocks
        )

    def partials(self) -> list[tuple[int, Partial]]:
        """
        What is known of all partial objects, by index.
        """
        self._load_partials()
        view = self.view
        return sorted(
            (index, partial)
            for index, partial in list(self._partials.items())
            if index < len(view) and view[index] & PARTIAL
        )

    def references(self) -> set[int]:
        """
        Every object that the map needs: those in slots, and parents.
        """
        found = {partial.parent for _, partial in self.partials()}
        for start in range(0, len(self.view), CHUNK):
            found.update(slot & ~PARTIAL for slot in self.view[start : start + CHUNK].tolist())
        found.discard(0)
        return found

    @property
    def needs_body(self) -> bool:
        """
        Whether there are so many changes that a record alone can't hold them.
        """
        return len(self._changed) > max(DELTA_LIMIT, len(self.view) // 64)

    def stored(self, header: Header, new_body: int) -> tuple[Header, bytes, bytes | None]:
        """
        Header and record to be stored; and a body, if there must be a new one, to be stored before.

        new_body: the name it gets.
        """
        if not self.needs_body:
            delta = {index: self.view[index] for index in self._changed if index < len(self.view)}
            partials = {
                index: self.partial(index) for index, slot in delta.items() if slot & PARTIAL
            }
            return header, encode(header, delta, partials), None
        partials_now = self.partials()
        body = encode_body(self.view, partials_now)
        header = header._replace(
            body=new_body,
            body_slots=len(self.view),
            body_partials=len(partials_now),
            body_sum=zlib.crc32(body),
        )
        return header, encode(header, {}, {}), body

    def settled(self, header: Header, body: bytes | None) -> None:
        """
        The body that ``stored`` gave is in the store.
        """
        if body is not None:
            fields = ("body", "body_slots", "body_partials", "body_sum")
            self.header = self.header._replace(**{each: getattr(header, each) for each in fields})
            self._changed.clear()
            self._table = memoryview(body[header.body_slots * 8 :])  # the slots are in the view


def _without_body(header: Header) -> Header:
    return header._replace(body=0, body_slots=0, body_partials=0, body_sum=0)


def _resized(slots: memoryview, count: int) -> memoryview:
    data = slots.cast("B") if slots.format != "B" else slots
    if sys.byteorder == "big" and slots.format == "B":
        swapped = array("Q", bytes(data))
        swapped.byteswap()
        data = memoryview(swapped.tobytes())
    kept = min(len(data), count * 8)
    room = _room(count)
    room.cast("B")[:kept] = data[:kept]
    return room


def _room(count: int) -> memoryview:
    """
    Slots that are 0; they take memory as they are written.
    """
    return memoryview(mmap.mmap(-1, max(count, 1) * 8))[: count * 8].cast("Q")

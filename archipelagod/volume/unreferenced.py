"""
What only deleted maps refer to.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from archipelagod.volume.map_format import (
    FIRST_OBJECT,
    PARTIAL,
    PARTIAL_BYTES,
    DamagedMap,
    Header,
    Partial,
    Record,
    decode_partial,
)
from archipelagod.volume.slots import BODIES, CHUNK, Slots, body_name

if TYPE_CHECKING:
    from archipelagod.stores.store import Store


class Needs(NamedTuple):
    """
    What a map refers to.
    """

    objects: set[int]
    bodies: set[int]  # lists of keys among them


def needs_of(store: Store, record: Record) -> Needs:
    """
    What a map refers to.  Raises FileNotFoundError when its body is not there, DamagedMap.
    """
    found = Slots(store, record).references()
    header = record.header
    objects = {oid for oid in found if oid >= FIRST_OBJECT}
    return Needs(objects, {header.body, header.keys} - {0})


def rest_of(slots: Slots, kept: set[int]) -> tuple[dict[int, int], dict[int, Partial]]:
    """
    Slots, and what is known of partial ones, that refer to all of ``kept`` and no other object.
    """
    delta: dict[int, int] = {}
    partials: dict[int, Partial] = {}
    for start in range(0, len(slots.view), CHUNK):
        for index, slot in enumerate(slots.view[start : start + CHUNK].tolist(), start):
            oid = slot & ~PARTIAL
            parent = slots.partial(index).parent if slot & PARTIAL else 0
            if oid in kept and parent in kept:
                delta[index] = slot
                partials[index] = slots.partial(index)
            elif oid in kept or parent in kept:
                delta[index] = oid if oid in kept else parent
    return delta, partials


class Body:
    """
    A body as it is stored: what maps that share it have in common.
    """

    def __init__(self, store: Store, header: Header) -> None:
        self._view = store.records.view(BODIES, body_name(header.body))
        self._end = header.body_slots * 8
        self._partials = header.body_partials
        if len(self._view) != self._end + self._partials * PARTIAL_BYTES:
            raise DamagedMap("the length of its body is wrong")

    def slots(self) -> Iterator[tuple[int, list[int]]]:
        """
        All slots, as (index of the first, some) parts.
        """
        for start in range(0, self._end, CHUNK * 8):
            part = array("Q", bytes(self._view[start : min(start + CHUNK * 8, self._end)]))
            if sys.byteorder == "big":
                part.byteswap()
            yield start // 8, part.tolist()

    def parents(self) -> Iterator[tuple[int, int]]:
        """
        (index, parent) of every partial object.
        """
        for number in range(self._partials):
            index, parent, _ = decode_partial(self._view, self._end, number)
            yield index, parent


class Unreferenced:
    """
    Objects and bodies of some deleted maps, less what other maps turn out to refer to.

    It is a visitor of a look over all maps.  What a body says is read once, however many maps share
    it: of the others only the few slots count that none before has shown.
    """

    def __init__(self, store: Store) -> None:
        self.objects: set[int] = set()
        self.bodies: set[int] = set()
        self.undecided: set[int] = set()  # families with a map that can't be read
        self._families: set[int] = set()
        self._store = store
        self._hidden: dict[int, set[int]] = {}  # indices of a body that no map has shown yet

    def add(self, record: Record) -> None:
        """
        A deleted map.  Raises FileNotFoundError, DamagedMap.
        """
        self._families.add(record.header.family)
        mine = needs_of(self._store, record)
        self.objects |= mine.objects
        self.bodies |= mine.bodies

    def wants(self, header: Header) -> bool:
        """See IVisitor."""
        return header.family in self._families

    def damaged(self, header: Header) -> None:
        """See IVisitor."""
        self.undecided.add(header.family)

    def has_enough(self) -> bool:
        """See IVisitor: everything turned out to be needed."""
        return not self.objects and not self.bodies

    def visit(self, record: Record) -> None:
        """See IVisitor."""
        header = record.header
        if header.body:
            self._show(header, record.delta)
        self.bodies -= {header.body, header.keys}
        self.objects.difference_update(slot & ~PARTIAL for slot in record.delta.values())
        self.objects.difference_update(each.parent for each in record.partials.values())

    def _show(self, header: Header, delta: Mapping[int, int]) -> None:
        hidden = self._hidden.get(header.body)
        if hidden is None:
            self._show_all(Body(self._store, header), delta)
            self._hidden[header.body] = {index for index in delta if index < header.body_slots}
            return
        shown = hidden.difference(delta)
        if shown:
            self._show_some(Body(self._store, header), shown)
            hidden -= shown

    def _show_all(self, body: Body, delta: Mapping[int, int]) -> None:
        for start, slots in body.slots():
            for index in delta:
                if start <= index < start + len(slots):
                    slots[index - start] = 0
            self.objects.difference_update(slot & ~PARTIAL for slot in slots if slot)
        for index, parent in body.parents():
            if index not in delta:
                self.objects.discard(parent)

    def _show_some(self, body: Body, shown: set[int]) -> None:
        for start, slots in body.slots():
            for index in shown:
                if start <= index < start + len(slots):
                    self.objects.discard(slots[index - start] & ~PARTIAL)
        for index, parent in body.parents():
            if index in shown:
                self.objects.discard(parent)

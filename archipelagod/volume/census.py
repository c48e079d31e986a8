"""
Going through all maps of a store while they are made, frozen, renamed and deleted.

A map's way is from the room of those being frozen, or from nothing, to the room of volumes, and
from there to that of the deleted.  The rooms are looked through in this order, so every map that
is there when the look begins is seen in one of them, unless it is renamed meanwhile: then the look
is repeated.

A map that is made during the look refers to what an older one refers to, or to new objects.  If the
older one can be written it may let go of an object before it is read, when the newer one is not
listed yet; so volumes are looked through twice, and the second time only new ones are read.  A
newer one still copies a map that was read before it let go of anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from archipelagod.volume.map_format import DamagedMap, Header, Record, decode, decode_header
from archipelagod.volume.renames import last_rename
from archipelagod.volume.stored_map import MAPS

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

DELETED = "deleted"
FREEZING = "freezing"
PEEK_BYTES = 4096  # most records are shorter: one reading for header and all
LOOKS = 5


class Step(NamedTuple):
    """
    What was just done: a pass yields one between any two things it does, and may be left there.
    """

    maps: int = 0  # looked at
    objects: int = 0  # removed
    blocks: int = 0  # removed
    records: int = 0  # removed: bodies, lists of keys, journals
    freed_bytes: int = 0  # on the medium
    read_bytes: int = 0


LOOKED = Step(maps=1)


class Restless(Exception):
    """
    Volumes were renamed all the time: nothing can be said of all of them.
    """


class IVisitor(Protocol):
    """
    Whom a look is for.
    """

    def wants(self, header: Header) -> bool:
        """
        Whether the map is to be read.
        """

    def visit(self, record: Record) -> None:
        """
        A map.  Some are told twice.  Raises FileNotFoundError for a body that is not there (any
        more), DamagedMap.
        """

    def damaged(self, header: Header) -> None:
        """
        A map of which only the header can be read.
        """

    def has_enough(self) -> bool:
        """
        Whether no other map can change anything: the look ends.
        """


def look(store: Store, visitor: IVisitor, leave_out: set[str]) -> Iterator[Step]:
    """
    Tells ``visitor`` every map that is there now, whatever happens to maps meanwhile.

    leave_out: names of deleted maps.  Raises Restless, DamagedMap for a header, OSError.
    """
    for _ in range(LOOKS):
        before = last_rename(store)
        for step in _Look(store, visitor, leave_out).run():
            yield step
            if visitor.has_enough():
                return
        if last_rename(store) == before:
            return
    raise Restless("volumes are renamed all the time")


class _Look:
    def __init__(self, store: Store, visitor: IVisitor, leave_out: set[str]) -> None:
        self._store = store
        self._visitor = visitor
        self._leave_out = leave_out
        self._seen: set[int] = set()

    def run(self) -> Iterator[Step]:
        """
        One look.
        """
        yield from self._room(FREEZING)
        yield from self._room(MAPS)
        yield from self._room(MAPS)
        for name in self._store.records.names(DELETED):
            if name not in self._leave_out:
                self._map(DELETED, name)
                yield LOOKED

    def _room(self, room: str) -> Iterator[Step]:
        for name in self._store.records.names(room):
            self._map(room, name)
            yield LOOKED

    def _map(self, room: str, name: str) -> None:
        while True:
            try:
                header, record = self._read(room, name)
            except FileNotFoundError:
                return  # it is further on its way
            if header.uid in self._seen or not self._visitor.wants(header):
                self._seen.add(header.uid)
                return
            if self._is_told(room, name, header, record):
                self._seen.add(header.uid)
                return

    def _read(self, room: str, name: str) -> tuple[Header, bytes]:
        data = self._store.records.get(room, name, PEEK_BYTES)
        try:
            return decode_header(data), data
        except DamagedMap as error:
            raise DamagedMap(f"{room}/{name}: {error}") from error

    def _is_told(self, room: str, name: str, header: Header, data: bytes) -> bool:
        """
        False when the map changed in between.
        """
        try:
            if len(data) == PEEK_BYTES:
                data = self._store.records.get(room, name)
            record = decode(data)
            if record.header.uid != header.uid:
                return False
            self._visitor.visit(record)
        except FileNotFoundError:
            if not is_unchanged(self._store, room, name, header):
                return False  # its owner wrote a new body, or it is further on its way
            self._visitor.damaged(header)
        except DamagedMap:
            self._visitor.damaged(header)
        return True


def is_unchanged(store: Store, room: str, name: str, header: Header) -> bool:
    """
    Whether the map is still as ``header`` says.
    """
    try:
        return decode_header(store.records.get(room, name, PEEK_BYTES)) == header
    except FileNotFoundError:
        return False


def is_volume(store: Store, name: str, uid: int) -> bool:
    """
    Whether the volume ``name`` is the one with that number.  Raises DamagedMap.
    """
    try:
        return decode_header(store.records.get(MAPS, name, PEEK_BYTES)).uid == uid
    except FileNotFoundError:
        return False

"""
Changes of a map since it was last written whole.

It is there from the first write to a volume until everything is on stable storage and in the map,
so that an opening that finds one knows of a crash.

A record is 32 bytes: kind, spare, index, slot, parent, tag, CRC-32, little-endian.

- ``START`` comes first: uid in ``index``, session in the upper and map serial in the lower half of
  ``slot``, salt in the lower half of ``parent``; the upper one is 0 or, in a log that goes on where
  another ended, the bytes of that one's records.  The CRC-32 of all other records begins with the
  salt.
- ``CHANGE`` says that ``index`` now holds ``slot``, whose parent is given if it is PARTIAL.  It
  reaches the kernel before the write that caused it is acknowledged, so it survives the daemon; its
  tag names the boot of the machine.
- ``FILL`` says that the partial object ``parent`` at ``index`` has more blocks: the first in the
  upper half of ``slot``, their number in the lower.
- ``DATA`` is followed by bytes that were written to the object ``slot`` at the offset ``index``:
  their number in the upper half of ``parent``, their CRC-32 in the lower.
- ``COMMIT`` says that the content to which the first ``slot`` changes and fills refer, and all
  that was written before them, is on stable storage: in the objects, or as DATA before the COMMIT.
  It is on stable storage itself before a FLUSH is acknowledged.
- ``SYNCED`` is a COMMIT after which no DATA before it is needed: the objects have it.
- ``GARBAGE`` says that the object ``slot`` is not needed once the map does not refer to it.

When the map holds all of it the journal begins anew in the same place, and is written over what it
said before.  That may include content that a guest chose, which must not be taken for records: so
the salt is new each time, and known to nobody else.

A journal is one log or two, which take turns.  When one is long the other goes on, with the next
serial: so that flushes need not wait until the objects are on stable storage and the map with that
serial is written, which makes the first log worthless.  Until then both count, one after the other.
The second log begins when all of the first is on stable storage.

So a flush of a few small writes costs one write and one sync, of the journal, however many objects
they went to.

After a crash of the daemon alone all changes count, and no DATA: the kernel has what was written.
After a crash of the machine only committed changes count, for a later one may point at an object
whose content was lost; and the DATA of the last COMMIT is written to the objects again.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

ROOM = "journals"
RELAYS = "relays"  # the room of second logs; there is none without a first one
START, CHANGE, COMMIT, FILL, DATA, SYNCED, GARBAGE = 1, 2, 3, 4, 5, 6, 7
_RECORD = struct.Struct("<HHIQQI")
_SUM = struct.Struct("<I")
RECORD_BYTES = 32


class Change(NamedTuple):
    """
    What one CHANGE or FILL says.
    """

    kind: int
    at: int  # index of the slot
    slot: int
    parent: int


class Data(NamedTuple):
    """
    What one DATA says.
    """

    oid: int
    inner: int  # offset in the object
    content: memoryview


class Replay(NamedTuple):
    """
    What a journal says.  Of two logs that belong together: ``serial`` of the first that counts, all
    else of both; ``end`` and ``salt`` of the last, which is in ``room`` and has ``last_serial``.
    """

    serial: int
    session: int
    changes: list[Change]  # oldest first
    valid: int  # so many of them count
    data: list[Data]  # to be written to the objects again, oldest first
    garbage: set[int]  # unless the map refers to them
    end: int = 0  # bytes of it; what follows says nothing
    salt: int = 0
    room: str = ROOM
    last_serial: int = 0


def boot_tag() -> int:
    """
    A number that differs between boots of a machine, and between machines.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:  # noqa: PTH123
            return zlib.crc32(file.read())
    except OSError:
        return 0


def fresh_salt() -> int:
    """
    A number that nobody can guess, not 0: that was the salt of journals which did not know of it.
    """
    return int.from_bytes(os.urandom(4), "little") or 1


def pack(kind: int, index: int, slot: int, tag: int, parent: int = 0, salt: int = 0) -> bytes:
    """
    One record.
    """
    front = _RECORD.pack(kind, 0, index, slot, parent, tag)
    return front + _SUM.pack(zlib.crc32(front, salt))


def journal_name(uid: int) -> str:
    """
    Name of the record that holds the journal of volume ``uid``.
    """
    return f"{uid:08x}"


def replay(data: bytes, tag: int, later: bytes = b"") -> Replay | None:
    """
    The journal in ``data``, up to the first damaged record; None when not even its start is whole.

    tag: of the present boot.  later: a log that goes on where ``data`` ends, if that is so.
    """
    records = _records(data)
    start = next(records, None)
    if start is None or start.kind != START:
        return None
    said = _Said(tag)
    end = said.take(records)
    last, then = start, _records(later)
    if (second := next(then, None)) is not None and _goes_on(start, end, second):
        last, end = second, said.take(then)
    is_same_boot = said.is_of_boot and start.tag == tag and last.tag == tag
    valid = len(said.changes) if is_same_boot else said.committed
    data_needed = [] if is_same_boot else said.written[: said.needed]
    serial, session, salt = start.slot & 0xFFFFFFFF, last.slot >> 32, last.parent & 0xFFFFFFFF
    found = Replay(serial, session, said.changes, valid, data_needed, said.garbage, end, salt)
    return found._replace(last_serial=last.slot & 0xFFFFFFFF)


def _goes_on(start: _Read, end: int, second: _Read) -> bool:
    """
    Whether ``second`` begins the log that follows one with that ``start`` and ``end``.
    """
    is_whole = second.parent >> 32 == end - RECORD_BYTES
    return second.kind == START and second.slot == start.slot + 1 and is_whole


class _Said:
    """
    What records say.
    """

    def __init__(self, tag: int) -> None:
        self.changes: list[Change] = []
        self.written: list[Data] = []
        self.garbage: set[int] = set()
        self.committed = self.needed = 0
        self.is_of_boot = bool(tag)
        self._tag = tag

    def take(self, records: Iterable[_Read]) -> int:
        """
        Those that follow the START of a log; the bytes of all.
        """
        before = len(self.changes)
        end = RECORD_BYTES
        for record in records:
            end += RECORD_BYTES + len(record.content)
            if record.kind in (CHANGE, FILL):
                change = Change(record.kind, record.at, record.slot, record.parent)
                self.changes.append(change)
                self.is_of_boot &= record.tag == self._tag
            elif record.kind == DATA:
                self.written.append(Data(record.slot, record.at, record.content))
            elif record.kind == GARBAGE:
                self.garbage.add(record.slot)
            elif record.kind in (COMMIT, SYNCED):
                self._commit(record, before)
        return end

    def _commit(self, record: _Read, before: int) -> None:
        self.committed = max(self.committed, min(before + record.slot, len(self.changes)))
        if record.kind == SYNCED:
            self.written.clear()
        self.needed = len(self.written)


class _Read(NamedTuple):
    kind: int
    at: int
    slot: int
    parent: int
    tag: int
    content: memoryview


def _records(data: bytes) -> Iterator[_Read]:
    view = memoryview(data)
    at = salt = 0
    while at + RECORD_BYTES <= len(data):
        front = view[at : at + _RECORD.size]
        if _SUM.unpack_from(data, at + _RECORD.size)[0] != zlib.crc32(front, salt):
            return
        kind, _, index, slot, parent, tag = _RECORD.unpack(front)
        if not at:
            salt = parent & 0xFFFFFFFF
        at += RECORD_BYTES
        size = parent >> 32 if kind == DATA else 0
        content = view[at : at + size]
        if kind == DATA and (len(content) < size or zlib.crc32(content) != parent & 0xFFFFFFFF):
            return
        at += size
        yield _Read(kind, index, slot, parent, tag, content)


assert _RECORD.size + _SUM.size == RECORD_BYTES

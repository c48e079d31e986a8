"""
Changes of a map since it was last written whole.

It is there from the first write to a volume until everything is on stable storage and in the map,
so that an opening that finds one knows of a crash.

A record is 32 bytes: kind, spare, index, slot, parent, tag, CRC-32, little-endian.

- ``START`` comes first: uid in ``index``, session in the upper and map serial in the lower half of
  ``slot``.
- ``CHANGE`` says that ``index`` now holds ``slot``, whose parent is given if it is PARTIAL.  It
  reaches the kernel before the write that caused it is acknowledged, so it survives the daemon; its
  tag names the boot of the machine.
- ``FILL`` says that the partial object ``parent`` at ``index`` has more blocks: the first in the
  upper half of ``slot``, their number in the lower.
- ``COMMIT`` says that the objects of the first ``slot`` changes and fills are on stable storage.
  It is on stable storage itself before a FLUSH is acknowledged.

After a crash of the daemon alone all changes count.  After a crash of the machine only committed
changes do: a later one may point at an object whose content was lost.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILog
    from archipelagod.stores.store import Store

ROOM = "journals"
START, CHANGE, COMMIT, FILL = 1, 2, 3, 4
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


class Replay(NamedTuple):
    """
    What a journal says.
    """

    serial: int
    session: int
    changes: list[Change]  # oldest first
    valid: int  # so many of them count
    is_clean: bool  # everything in it is committed


def boot_tag() -> int:
    """
    A number that differs between boots of a machine, and between machines.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:  # noqa: PTH123
            return zlib.crc32(file.read())
    except OSError:
        return 0


def pack(kind: int, index: int, slot: int, tag: int, parent: int = 0) -> bytes:
    """
    One record.
    """
    front = _RECORD.pack(kind, 0, index, slot, parent, tag)
    return front + _SUM.pack(zlib.crc32(front))


def journal_name(uid: int) -> str:
    """
    Name of the record that holds the journal of volume ``uid``.
    """
    return f"{uid:08x}"


def replay(data: bytes, tag: int) -> Replay | None:
    """
    The journal in ``data``, up to the first damaged record; None when not even its start is whole.

    tag: of the present boot.
    """
    records = _records(data)
    if not records or records[0][0] != START:
        return None
    start = records[0][3]
    changes: list[Change] = []
    committed = 0
    survived = 0
    for kind, _, index, slot, parent, made_in in records[1:]:
        if kind in (CHANGE, FILL):
            changes.append(Change(kind, index, slot, parent))
            survived += made_in == tag
        elif kind == COMMIT:
            committed = max(committed, min(slot, len(changes)))
    is_same_boot = bool(tag) and survived == len(changes)
    valid = len(changes) if is_same_boot else committed
    return Replay(start & 0xFFFFFFFF, start >> 32, changes, valid, committed == len(changes))


def _records(data: bytes) -> list[tuple[int, int, int, int, int, int]]:
    found = []
    for at in range(0, len(data) - RECORD_BYTES + 1, RECORD_BYTES):
        front = data[at : at + _RECORD.size]
        if _SUM.unpack_from(data, at + _RECORD.size)[0] != zlib.crc32(front):
            break
        found.append(_RECORD.unpack(front))
    return found


class Journal:
    """
    The journal of an open volume.  In the store from ``begin`` to ``discard``.

    Not thread-safe: the volume's lock covers ``change``, and one flush at a time calls ``commit``.
    """

    def __init__(self, store: Store, uid: int, serial: int, session: int) -> None:
        self._store = store
        self._uid = uid
        self._session = session
        self._serial = serial
        self._tag = boot_tag()
        self._log: ILog | None = None
        self.changes = 0
        self.committed = 0

    @property
    def has_begun(self) -> bool:
        """
        Whether there is a log in the store.
        """
        return self._log is not None

    def begin(self) -> None:
        """
        Makes the log, on stable storage: from here on a crash leaves a trace.  Raises OSError.
        """
        self._log = self._new_log(replaces=False)

    def begin_anew(self, serial: int, session: int) -> None:
        """
        Forgets all changes: the map of that serial holds them.  There is a log at any moment.

        Raises OSError.
        """
        self._serial = serial
        self._session = session
        log = self._new_log(replaces=True)
        self.close()
        self._log = log
        self.changes = self.committed = 0

    def _new_log(self, *, replaces: bool) -> ILog:
        start = pack(START, self._uid, self._session << 32 | self._serial, self._tag)
        return self._store.records.log(ROOM, journal_name(self._uid), start, replaces)

    def change(self, index: int, slot: int) -> None:
        """
        Records that ``index`` holds ``slot``, which is not PARTIAL.  Raises OSError.
        """
        self._append(pack(CHANGE, index, slot, self._tag), 1)

    def change_partly(
        self, index: int, slot: int, parent: int, runs: list[tuple[int, int]]
    ) -> None:
        """
        Records that ``index`` holds the PARTIAL ``slot``, with these (first, count) blocks.

        Raises OSError.
        """
        data = pack(CHANGE, index, slot, self._tag, parent)
        data += b"".join(self._fill(index, slot, first, count) for first, count in runs)
        self._append(data, 1 + len(runs))

    def fill(self, index: int, slot: int, first: int, count: int) -> None:
        """
        Records that the PARTIAL ``slot`` has more blocks.  Raises OSError.
        """
        self._append(self._fill(index, slot, first, count), 1)

    def _fill(self, index: int, slot: int, first: int, count: int) -> bytes:
        return pack(FILL, index, first << 32 | count, self._tag, slot)

    def _append(self, data: bytes, changes: int) -> None:
        assert self._log is not None
        self._log.append(data)
        self.changes += changes

    def commit(self, changes: int) -> None:
        """
        Makes the first ``changes`` changes count for good.  Raises OSError.
        """
        if self._log is None or changes <= self.committed:
            return
        self._log.append(pack(COMMIT, 0, changes, self._tag))
        self._log.sync()
        self.committed = changes

    def close(self) -> None:
        """
        Lets go of the log; it stays in the store.
        """
        if self._log is not None:
            self._log.close()
            self._log = None

    def discard(self) -> None:
        """
        Removes the log: the map holds all of it.
        """
        self.close()
        self._store.records.remove(ROOM, journal_name(self._uid))


assert _RECORD.size + _SUM.size == RECORD_BYTES

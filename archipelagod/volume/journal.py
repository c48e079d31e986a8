"""
Changes of a map since it was last written whole.

It is there from the first write to a volume until everything is on stable storage and in the map,
so that an opening that finds one knows of a crash.

A record is 24 bytes: kind, index, slot, tag, CRC-32, little-endian.

- ``START`` comes first: uid in ``index``, map serial in the lower half and session in the upper
  half of ``slot``.
- ``CHANGE`` says that ``index`` now holds ``slot``.  It reaches the kernel before the write that
  caused it is acknowledged, so it survives the daemon; its tag names the boot of the machine.
- ``COMMIT`` says that the objects of the first ``slot`` changes are on stable storage.  It is on
  stable storage itself before a FLUSH is acknowledged.

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
START, CHANGE, COMMIT = 1, 2, 3
_RECORD = struct.Struct("<IIQI")
_SUM = struct.Struct("<I")
RECORD_BYTES = 24


class Replay(NamedTuple):
    """
    What a journal says.
    """

    serial: int
    session: int
    changes: list[tuple[int, int]]  # (index, slot), oldest first
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


def pack(kind: int, index: int, slot: int, tag: int) -> bytes:
    """
    One record.
    """
    front = _RECORD.pack(kind, index, slot, tag)
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
    start = records[0][2]
    changes: list[tuple[int, int]] = []
    committed = 0
    survived = 0
    for kind, index, slot, made_in in records[1:]:
        if kind == CHANGE:
            changes.append((index, slot))
            survived += made_in == tag
        elif kind == COMMIT:
            committed = max(committed, min(slot, len(changes)))
    is_same_boot = bool(tag) and survived == len(changes)
    valid = len(changes) if is_same_boot else committed
    return Replay(start & 0xFFFFFFFF, start >> 32, changes, valid, committed == len(changes))


def _records(data: bytes) -> list[tuple[int, int, int, int]]:
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

    def begin_anew(self, serial: int) -> None:
        """
        Forgets all changes: the map of that serial holds them.  There is a log at any moment.

        Raises OSError.
        """
        self._serial = serial
        log = self._new_log(replaces=True)
        self.close()
        self._log = log
        self.changes = self.committed = 0

    def _new_log(self, *, replaces: bool) -> ILog:
        start = pack(START, self._uid, self._session << 32 | self._serial, self._tag)
        return self._store.records.log(ROOM, journal_name(self._uid), start, replaces)

    def change(self, index: int, slot: int) -> None:
        """
        Records that ``index`` holds ``slot``.  Raises OSError.
        """
        assert self._log is not None
        self._log.append(pack(CHANGE, index, slot, self._tag))
        self.changes += 1

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

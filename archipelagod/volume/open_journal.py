"""
Writing the journal of an open volume; see ``journal`` for what it says.
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from typing import TYPE_CHECKING

from archipelagod.stores.doubt import InDoubt
from archipelagod.stores.reserve import FULL
from archipelagod.volume.journal import (
    CHANGE,
    COMMIT,
    DATA,
    FILL,
    GARBAGE,
    RELAYS,
    ROOM,
    START,
    SYNCED,
    boot_tag,
    fresh_salt,
    journal_name,
    pack,
)

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILog
    from archipelagod.stores.store import Store


class JournalFull(OSError):
    """
    There is no space for a record: the journal is as it was.
    """


class Journal:
    """
    The journal of an open volume.  In the store from ``begin`` to ``discard``.

    The volume's lock covers ``change`` and ``fill``, its flush lock ``commit`` and ``synced``; what
    begins anew, closes or discards finds nobody in ``make_stable``.

    tag, salt: of its records.
    """

    def __init__(self, store: Store, uid: int, serial: int, session: int) -> None:
        self._store = store
        self._uid = uid
        self._session = session
        self._serial = serial
        self.tag = boot_tag()
        self.salt = fresh_salt()
        self._logs: dict[str, ILog] = {}  # by room
        self._log: ILog | None = None  # that which is written
        self.changes = self.committed = 0
        self.data_bytes = 0  # of DATA that is needed
        self.size_bytes = 0  # of everything since it began
        self._lock = threading.Lock()  # appending

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
        start = self._start(self._serial, self.salt)
        self._log = self._new_log(ROOM, start, replaces=False)

    def _new_log(self, room: str, start: bytes, *, replaces: bool) -> ILog:
        log = self._store.records.log(room, journal_name(self._uid), start, replaces)
        self._logs[room] = log
        return log

    def _start(self, serial: int, salt: int, follows: int = 0) -> bytes:
        numbers = self._session << 32 | serial
        return pack(START, self._uid, numbers, self.tag, follows << 32 | salt)

    def _pack(self, kind: int, index: int, slot: int, parent: int = 0) -> bytes:
        return pack(kind, index, slot, self.tag, parent, self.salt)

    def begin_anew(self, serial: int, session: int) -> None:
        """
        Forgets all changes: the map of that serial holds them.  There is a log at any moment.

        Raises OSError.
        """
        self._session = session
        self._go_on(ROOM, serial, 0)

    def turn(self, serial: int) -> None:
        """
        Goes on in the other log, with changes to the map of that serial, which is yet to be
        written.  All that there is must be committed.

        Raises OSError; InDoubt when it is not known whether the other log has begun.
        """
        room = ROOM if self._log is self._logs.get(RELAYS) else RELAYS
        self._go_on(room, serial, self.size_bytes)

    def _go_on(self, room: str, serial: int, follows: int) -> None:
        salt = fresh_salt()
        start = self._start(serial, salt, follows)
        log = self._logs.get(room)
        if log is None:
            log = self._new_log(room, start, replaces=True)
        else:
            log.restart(start)
        self._log, self._serial, self.salt = log, serial, salt
        self.changes = self.committed = self.data_bytes = self.size_bytes = 0

    def change(self, index: int, slot: int) -> None:
        """
        Records that ``index`` holds ``slot``, which is not PARTIAL.  Raises OSError.
        """
        self._append(self._pack(CHANGE, index, slot), 1)

    def change_partly(
        self, index: int, slot: int, parent: int, runs: list[tuple[int, int]]
    ) -> None:
        """
        Records that ``index`` holds the PARTIAL ``slot``, with these (first, count) blocks.

        Raises OSError.
        """
        data = self._pack(CHANGE, index, slot, parent)
        data += b"".join(self._fill(index, slot, first, count) for first, count in runs)
        self._append(data, 1 + len(runs))

    def fill(self, index: int, slot: int, first: int, count: int) -> None:
        """
        Records that the PARTIAL ``slot`` has more blocks.  Raises OSError.
        """
        self._append(self._fill(index, slot, first, count), 1)

    def _fill(self, index: int, slot: int, first: int, count: int) -> bytes:
        return self._pack(FILL, index, first << 32 | count, slot)

    def _append(self, data: bytes, changes: int) -> None:
        self._put(data)
        self.changes += changes

    def _put(self, data: bytes | bytearray) -> None:
        assert self._log is not None
        with self._lock:
            try:
                self._log.append(data)
            except OSError as error:
                if error.errno in FULL and not isinstance(error, InDoubt):
                    raise JournalFull(*error.args) from error
                raise
            self.size_bytes += len(data)

    def data(self, oid: int, inner: int, content: bytes | bytearray) -> bytes:
        """
        The record that precedes ``content`` in what ``commit`` is given.
        """
        summed = len(content) << 32 | zlib.crc32(content)
        return self._pack(DATA, inner, oid, summed)

    def commit(self, changes: int, data: bytearray) -> bool:
        """
        Makes the first ``changes`` changes count, and what ``data`` has: DATA records with their
        content, to which it appends.  For good after ``make_stable``; False when there is nothing
        to wait for.

        Raises JournalFull, OSError.
        """
        if self._log is None or (changes <= self.committed and not data):
            return False
        size = len(data)
        data += self._pack(COMMIT, 0, changes)
        self._put(data)
        self.data_bytes += size
        return True

    def make_stable(self, changes: int) -> None:
        """
        Everything up to the ``commit`` that had so many changes is there for good.  Several threads
        may call it at once.  Raises OSError.
        """
        assert self._log is not None
        self._log.sync()
        with self._lock:
            self.committed = max(changes, self.committed)

    def synced(self, changes: int) -> None:
        """
        As ``commit``, and no DATA is needed any longer.  Raises JournalFull, OSError.
        """
        if self._log is None or (changes <= self.committed and not self.data_bytes):
            return
        self._put(self._pack(SYNCED, 0, changes))
        self.make_stable(changes)
        self.data_bytes = 0

    def garbage(self, oids: list[int]) -> None:
        """
        Records that the objects are about to be let go of, with the map's next writing.

        Raises OSError.
        """
        assert self._log is not None
        self._put(b"".join(self._pack(GARBAGE, 0, oid) for oid in oids))
        self._log.sync()

    def close(self) -> None:
        """
        Lets go of the logs, of all even if one can't be closed; they stay in the store.

        Raises OSError.
        """
        logs, self._logs, self._log = self._logs, {}, None
        with contextlib.ExitStack() as closing:
            for log in logs.values():
                closing.callback(log.close)

    def discard(self) -> None:
        """
        Removes the logs: the map holds all of them.
        """
        rooms = [room for room in (RELAYS, ROOM) if room in self._logs]
        self.close()
        for room in rooms or [ROOM]:
            self._store.records.remove(room, journal_name(self._uid))

"""
Writing the journal of an open volume; see ``journal`` for what it says.
"""

from __future__ import annotations

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

    The volume's lock covers ``change`` and ``fill``, and one flush at a time calls ``commit``.

    tag, salt: of its records.
    """

    def __init__(self, store: Store, uid: int, serial: int, session: int) -> None:
        self._store = store
        self._uid = uid
        self._session = session
        self._serial = serial
        self.tag = boot_tag()
        self.salt = fresh_salt()
        self._log: ILog | None = None
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
        self._log = self._new_log(replaces=False)

    def _new_log(self, *, replaces: bool) -> ILog:
        return self._store.records.log(ROOM, journal_name(self._uid), self._start(), replaces)

    def _start(self) -> bytes:
        numbers = self._session << 32 | self._serial
        return pack(START, self._uid, numbers, self.tag, self.salt)

    def _pack(self, kind: int, index: int, slot: int, parent: int = 0) -> bytes:
        return pack(kind, index, slot, self.tag, parent, self.salt)

    def begin_anew(self, serial: int, session: int) -> None:
        """
        Forgets all changes: the map of that serial holds them.  There is a log at any moment.

        Raises OSError.
        """
        self._serial = serial
        self._session = session
        self.salt = fresh_salt()
        if self._log is None:
            self._log = self._new_log(replaces=True)
        else:
            self._log.restart(self._start())
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

    def commit(self, changes: int, data: bytearray) -> None:
        """
        Makes the first ``changes`` changes count for good, and what ``data`` has: DATA records with
        their content, to which it appends.

        Raises JournalFull, OSError.
        """
        if self._log is None or (changes <= self.committed and not data):
            return
        size = len(data)
        data += self._pack(COMMIT, 0, changes)
        self._put(data)
        self.data_bytes += size
        self._log.sync()
        self.committed = max(changes, self.committed)

    def synced(self, changes: int) -> None:
        """
        As ``commit``, and no DATA is needed any longer.  Raises JournalFull, OSError.
        """
        if self._log is None or (changes <= self.committed and not self.data_bytes):
            return
        self._put(self._pack(SYNCED, 0, changes))
        self._log.sync()
        self.committed = max(changes, self.committed)
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

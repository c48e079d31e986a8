"""
Lines that belong to no transaction of their own, log-ins above all: those that come while a write
is under way are written together by the next one.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.log import append_all
from synnefo_tx.store.database import Database

MOST_LINES = 500  # of one transaction


@define
class GatheredLines:
    """
    `await append(entry, now_us)` returns when the line is committed, and fails when it can't be.
    """

    _database: Database
    _waiting: list[tuple[Entry, int, Deferred[None]]] = field(factory=list, init=False)
    _writing: bool = field(default=False, init=False)

    async def append(self, entry: Entry, now_us: int) -> None:
        """
        Write `entry` down.  now_us: microseconds.
        """
        written: Deferred[None] = Deferred()
        self._waiting.append((entry, now_us, written))
        if not self._writing:
            Deferred.fromCoroutine(self._write())
        await written

    async def _write(self) -> None:
        self._writing = True
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_LINES], self._waiting[MOST_LINES:]
            failure = None
            try:
                await self._database.write(append_all, [(entry, at) for entry, at, _ in batch])
            except Exception:  # noqa: BLE001 - handed to all who wait for it
                failure = Failure()
            for _, _, written in batch:
                written.callback(None) if failure is None else written.errback(failure)
        self._writing = False

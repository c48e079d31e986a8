"""
A database connection that notes what changes, and ships it with every commit.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ganetid.replication.records import MOVE, POSITION, Record, Statement

READS = frozenset({"SELECT", "PRAGMA", "WITH", "EXPLAIN", "VACUUM", "RELEASE", "BEGIN"})


class NotShipped(sqlite3.OperationalError):
    """The commit is on this disk, but candidates who must have it may not: it is no promise."""


class Ticket:
    """
    A record on its way.

    landed: set when everybody has it who must, or when it is given up.  given_up: this daemon is
    the master no more before they had it.  failed: our own disk did not take it, though it was
    sent.
    """

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.given_up = False
        self.failed = False

    def give_up(self) -> None:
        """Nobody waits for it any more."""
        self.given_up = True
        self.landed.set()


Ship = Callable[[Record, Ticket], None]


class RecordingConnection(sqlite3.Connection):
    """
    sqlite3.Connection whose COMMIT returns when the commit is on this disk and on the others'.

    Sending and our own fsync go on at the same time.  Used by the journal's thread alone, which
    may block.  ship: is called with each record before it is committed; None: nothing is shipped.
    """

    ship: Ship | None = None
    reign = ""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._noted: list[Statement] = []
        self._mark = 0
        self._number = 0

    def begin_shipping(self, ship: Ship) -> str:
        """From the next commit on; the name of the reign that begins."""
        self.reign = uuid.uuid4().hex
        self._number = 0
        super().execute(POSITION)
        super().execute(MOVE, (self.reign, 0))
        self.ship = ship
        return self.reign

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        verb = sql.split(None, 1)[0].upper()
        if self.ship is None or verb in READS:
            return super().execute(sql, parameters)
        if verb == "COMMIT":
            return self._commit()
        if verb == "SAVEPOINT":
            self._mark = len(self._noted)
            return super().execute(sql)
        if verb == "ROLLBACK":
            del self._noted[self._mark if " TO " in sql.upper() else 0 :]
            return super().execute(sql)
        done = super().execute(sql, parameters)
        self._noted.append(Statement(sql, (tuple(parameters),)))
        return done

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        rows: Sequence[tuple[Any, ...]] = [tuple(row) for row in parameters]
        done = super().executemany(sql, rows)
        if self.ship is not None and rows:
            self._noted.append(Statement(sql, tuple(rows)))
        return done

    def _commit(self) -> sqlite3.Cursor:
        noted, self._noted, self._mark = self._noted, [], 0
        if not noted or self.ship is None:
            return super().execute("COMMIT")
        self._number += 1
        move = (self.reign, self._number)
        super().execute(MOVE, move)
        ticket = Ticket()
        self.ship(Record(self._number, (*noted, Statement(MOVE, (move,)))), ticket)
        try:
            done = super().execute("COMMIT")
        except sqlite3.Error:
            ticket.failed = True
            raise
        ticket.landed.wait()
        if ticket.given_up:
            raise NotShipped("this daemon is the master no more")
        return done

"""
The journal's SQLite database: one thread, one connection, every commit on stable storage.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")

SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE facts (key TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, received INTEGER NOT NULL, ended INTEGER,
    archived INTEGER NOT NULL DEFAULT 0, effect TEXT UNIQUE, document BLOB NOT NULL);
CREATE INDEX jobs_unfinished ON jobs (id) WHERE ended IS NULL;
CREATE INDEX jobs_ended ON jobs (ended);
CREATE TABLE job_secrets (job INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE instances (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE networks (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE members (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE groups (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE debris (document BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, routing_key TEXT NOT NULL,
    body BLOB NOT NULL);
"""

UPGRADES = {
    1: """
CREATE TABLE members (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE groups (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
""",
}  # from this version to the next


class SchemaTooNew(Exception):
    """The state directory was written by a newer program."""


class IThread(Protocol):
    """Runs one call after the other, off the reactor."""

    def run(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """The result of ``work(*args)``, called after all earlier ones."""

    def stop(self) -> None:
        """Finish what was begun; nothing may be run after."""


class OneThread:
    """The real IThread."""

    def __init__(self, reactor: Any, name: str) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=1, maxthreads=1, name=name)
        self._pool.start()

    def run(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """See IThread."""
        return deferToThreadPool(self._reactor, self._pool, work, *args)

    def stop(self) -> None:
        """See IThread."""
        self._pool.stop()


class Database:
    """
    Transactions on one SQLite file, in order of asking.

    synchronous=FULL: when `transact` answers, the change survives loss of power.
    """

    def __init__(self, path: Path, thread: IThread) -> None:
        self._path = path
        self._thread = thread
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False

    def open(self) -> Deferred[None]:
        """Open or create the file.  Raises SchemaTooNew, sqlite3.Error."""
        return self._thread.run(self._open)

    def transact(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """
        The result of ``work(connection, *args)``, after its changes are on stable storage.

        When it raises, nothing has changed.
        """
        if self._connection is None:
            raise RuntimeError("the journal is closed")
        return self._thread.run(self._transact, work, args)

    async def close(self) -> None:
        """Finish what was asked for and close the file.  Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._thread.run(connection.close)
        self._thread.stop()

    connection_class = sqlite3.Connection  # the master's ships commits to candidates

    def _open(self) -> None:
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(
            self._path,
            isolation_level=None,
            check_same_thread=False,
            factory=self.connection_class,
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            connection.close()
            raise SchemaTooNew(f"{self._path} has schema {version}, we know {SCHEMA_VERSION}")
        if version < SCHEMA_VERSION:
            steps = [UPGRADES[step] for step in range(version, SCHEMA_VERSION)] if version else []
            script = "".join(steps) or SCHEMA
            connection.executescript(
                f"BEGIN IMMEDIATE; {script} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
            )
        self._connection = connection

    def _transact(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        connection = self._connection
        if connection is None:
            raise RuntimeError("the journal is closed")
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection, *args)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

"""
The journal's SQLite database: one writing thread, commits in groups, all on stable storage.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, Protocol, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from ganetid.jobs.schema import migrate

T = TypeVar("T")


class IThread(Protocol):
    """Runs one call after the other, off the reactor."""

    def run(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """The result of ``work(*args)``, called after all earlier ones."""

    def stop(self) -> None:
        """Finish what was begun; nothing may be run after."""


class _Daemon(Thread):
    """Keeps no program from ending that could not even start, and so never said `stop`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named, daemon=True)


class OneThread:
    """The real IThread."""

    def __init__(self, reactor: Any, name: str) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=1, maxthreads=1, name=name)
        self._pool.threadFactory = _Daemon
        self._pool.start()

    def run(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """See IThread."""
        return deferToThreadPool(self._reactor, self._pool, work, *args)

    def stop(self) -> None:
        """See IThread."""
        self._pool.stop()


@frozen(eq=False)
class _Task:
    """Work for the writing thread, and who waits for its result."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    answer: Deferred[Any]


class Database:
    """
    Transactions on one SQLite file, in order of asking.

    synchronous=FULL: when `transact` answers, the change survives loss of power.  What is asked
    for while the disk is busy becomes one commit: many submissions at once cost few fsyncs.

    reader: a second thread, for reads that may take long and need no order with what is being
    written; without it they take their turn with the writes.
    """

    connection_class = sqlite3.Connection  # the master's ships commits to candidates

    def __init__(self, path: Path, thread: IThread, reader: IThread | None = None) -> None:
        self._path = path
        self._thread = thread
        self._reader = reader
        self._connection: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        self._is_closed = False
        self._tasks: list[_Task] = []
        self._is_writing = False
        self.commits = 0

    async def open(self) -> None:
        """Open or create the file.  Raises SchemaTooNew, sqlite3.Error."""
        await self._thread.run(self._open)
        if self._reader is not None:
            await self._reader.run(self._open_for_reading)

    def transact(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """
        The result of ``work(connection, *args)``, after its changes are on stable storage.

        When it raises, nothing of it has changed.
        """
        if self._connection is None:
            raise RuntimeError("the journal is closed")
        answer: Deferred[T] = Deferred()
        self._tasks.append(_Task(work, args, answer))
        self._write()
        return answer

    def read(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """The result of ``work(connection, *args)``, which sees what is committed by now."""
        if self._reader is None:
            return self.transact(work, *args)
        if self._reading is None:
            raise RuntimeError("the journal is closed")
        return self._reader.run(work, self._reading, *args)

    async def close(self) -> None:
        """Finish what was asked for and close the file.  Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._connection is not None:
            await self.transact(lambda connection: None)
        connection, self._connection = self._connection, None
        reading, self._reading = self._reading, None
        if self._reader is not None:
            if reading is not None:  # first, so that closing the other one empties the log
                await self._reader.run(reading.close)
            self._reader.stop()
        if connection is not None:
            await self._thread.run(connection.close)
        self._thread.stop()

    def _write(self) -> None:
        if self._is_writing or not self._tasks:
            return
        batch, self._tasks = self._tasks, []
        self._is_writing = True
        written = self._thread.run(self._commit, batch)
        written.addBoth(self._written, batch)

    def _written(self, outcomes: list[Any] | Failure, batch: Sequence[_Task]) -> None:
        self._is_writing = False
        self.commits += 1
        self._write()
        for number, task in enumerate(batch):
            outcome = outcomes if isinstance(outcomes, Failure) else outcomes[number]
            if isinstance(outcome, Failure):
                task.answer.errback(outcome)
            else:
                task.answer.callback(outcome)

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
        try:
            migrate(connection, str(self._path))
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _open_for_reading(self) -> None:
        self._reading = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._reading.execute("PRAGMA query_only=ON")

    def _commit(self, batch: Sequence[_Task]) -> list[Any]:
        """Results or Failures of the tasks; raises when none of it could be stored."""
        connection = self._connection
        if connection is None:
            raise RuntimeError("the journal is closed")
        connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = [_performed(connection, task) for task in batch]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes


def _performed(connection: sqlite3.Connection, task: _Task) -> Any:
    """The task's result, or its Failure when it raised and was undone alone."""
    connection.execute("SAVEPOINT task")
    try:
        outcome = task.work(connection, *task.args)
    except Exception:  # noqa: BLE001 - goes to whoever asked
        outcome = Failure()
        connection.execute("ROLLBACK TO task")
    connection.execute("RELEASE task")
    return outcome

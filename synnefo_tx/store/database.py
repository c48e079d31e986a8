"""
Units of work: a plain function, run in a database thread inside one transaction.

One hop to a thread per transaction, never per statement.  Serialization failures and deadlocks
are retried here, so a unit may run more than once and must have no other effects.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 8
RETRIED_STATES = {"40001", "40P01"}


class Defer(Protocol):
    """
    Runs a blocking callable elsewhere and gives its result later.
    """

    def __call__(self, job: Callable[[], T], /) -> Awaitable[T]: ...


class Database:
    """
    The cloud's database.  `read` and `write` take a unit `(connection, ...) -> value`.
    """

    _log = Logger()

    def __init__(self, engine: Engine, read_in: Defer, write_in: Defer) -> None:
        self.engine = engine
        self._read_in = read_in
        self._write_in = write_in

    async def read(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """
        The unit's value, from a transaction that is rolled back.
        """

        def job() -> T:
            with self.engine.connect() as connection:
                return unit(connection, *args, **kwargs)

        return await self._read_in(lambda: _retried(job))

    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """
        The unit's value, once its transaction is committed.
        """

        def job() -> T:
            with (
                self.engine.connect().execution_options(synnefo_write=True) as connection,
                connection.begin(),
            ):
                return unit(connection, *args, **kwargs)

        return await self._write_in(lambda: _retried(job))


def _retried(job: Callable[[], T]) -> T:
    for attempt in range(TRIES):
        try:
            return job()
        except (OperationalError, sqlite3.OperationalError) as error:
            if attempt == TRIES - 1 or not _may_retry(error):
                raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))
    raise AssertionError("unreachable")


def _may_retry(error: OperationalError | sqlite3.OperationalError) -> bool:
    cause = error.orig if isinstance(error, OperationalError) else error
    state = getattr(cause, "sqlstate", None)
    return state in RETRIED_STATES or "database is locked" in str(cause)


def open_engine(url: str) -> Engine:
    """
    An engine for `url` ("sqlite:///path" or "postgresql+psycopg://...").  Its errors, which get
    into logs, tell the statement without its values: they may be secret.
    """
    if not url.startswith("sqlite"):
        return create_engine(
            url,
            pool_size=8,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            json_deserializer=msgspec.json.decode,
        )
    engine = create_engine(
        url,
        poolclass=QueuePool,  # of a database in memory too
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"timeout": 30, "check_same_thread": False},
        json_deserializer=msgspec.json.decode,  # a list decodes two values a row
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        # SQLite does not wait when two connections make the same new file a WAL database.
        _retried(lambda: connection.execute("PRAGMA journal_mode=WAL"))
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns to writing fails at once when another writer was
        # quicker; IMMEDIATE waits for its turn instead.
        write = connection.get_execution_options().get("synnefo_write")
        driver: Any = connection.connection.driver_connection  # its error is retried as well
        driver.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


class DatabaseThreads:
    """
    The threads of one database: one writer for SQLite, several elsewhere.
    """

    def __init__(self, reactor: Any, url: str, readers: int = 4) -> None:
        writers = 1 if url.startswith("sqlite") else readers
        self._reactor = reactor
        self._readers = ThreadPool(1, readers, name="db-read")
        self._writers = ThreadPool(1, writers, name="db-write")
        self._engine = open_engine(url)

    def start(self) -> Database:
        self._readers.start()
        self._writers.start()

        def within(pool: ThreadPool) -> Defer:
            def defer(job: Callable[[], T]) -> Awaitable[T]:
                return deferToThreadPool(self._reactor, pool, job)

            return defer

        return Database(self._engine, within(self._readers), within(self._writers))

    def stop(self) -> None:
        self._readers.stop()
        self._writers.stop()
        self._engine.dispose()

"""
Units of work: commit, rollback, retries, and SQLite under several writers in real threads.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from twisted.internet import reactor
from twisted.internet.defer import Deferred, execute, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from synnefo_tx.store.database import TRIES, Database, DatabaseThreads, open_engine
from synnefo_tx.store.memory import immediate_database

metadata = MetaData()
counters = Table(
    "counters",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", Integer, nullable=False),
)


def put(connection: Connection, name: str, value: int) -> None:
    connection.execute(insert(counters).values(name=name, value=value))


def read(connection: Connection, name: str) -> int | None:
    value: int | None = connection.execute(
        select(counters.c.value).where(counters.c.name == name)
    ).scalar()
    return value


def increment(connection: Connection, name: str) -> int:
    """
    Read, then write what was read plus one: wrong unless writers take turns.
    """
    seen = read(connection, name)
    assert seen is not None
    connection.execute(update(counters).where(counters.c.name == name).values(value=seen + 1))
    return seen + 1


class Locked(Exception):
    """
    What sqlite3 says when another connection holds the lock.
    """

    def __str__(self) -> str:
        return "database is locked"


class Postgres(Exception):
    """
    An error of psycopg, as far as the retries look at it.
    """

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class NewFileTests(SynchronousTestCase):
    """A database that is not there yet."""

    def test_many_open_it_at_once(self) -> None:
        """All who open it at the same moment can use it."""
        failures: list[Exception] = []

        def use(url: str, together: threading.Barrier) -> None:
            engine = open_engine(url)
            together.wait()
            try:
                with engine.connect() as connection:
                    connection.execute(select(1))
            except OperationalError as error:
                failures.append(error)
            engine.dispose()

        for number in range(40):
            url = f"sqlite:///{Path(self.mktemp()).absolute()}-{number}.db"
            together = threading.Barrier(6)
            threads = [threading.Thread(target=use, args=(url, together)) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])


class UnitTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.engine = open_engine(f"sqlite:///{self.mktemp()}")
        self.addCleanup(self.engine.dispose)
        metadata.create_all(self.engine)
        self.database = Database(self.engine, execute, execute)

    def now(self, awaitable: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(awaitable))

    def test_a_write_is_there_afterwards(self) -> None:
        self.now(self.database.write(put, "a", 1))
        self.assertEqual(self.now(self.database.read(read, "a")), 1)

    def test_a_unit_that_raises_leaves_nothing(self) -> None:
        def fail(connection: Connection) -> None:
            put(connection, "a", 1)
            raise LookupError

        failed = Deferred.fromCoroutine(self.database.write(fail))
        self.failureResultOf(failed, LookupError)
        self.assertIsNone(self.now(self.database.read(read, "a")))

    def test_errors_tell_no_values(self) -> None:
        """They get into logs, and values may be passwords' hashes and links of letters."""

        def fail(connection: Connection) -> None:
            put(connection, "a secret", 1)
            put(connection, "a secret", 1)

        failed = Deferred.fromCoroutine(self.database.write(fail))
        told = str(self.failureResultOf(failed, IntegrityError).value)
        self.assertIn("INSERT INTO", told)
        self.assertNotIn("a secret", told)

    def test_what_a_read_changes_is_not_kept(self) -> None:
        self.now(self.database.read(put, "a", 1))
        self.assertIsNone(self.now(self.database.read(read, "a")))

    def test_a_locked_database_is_tried_again(self) -> None:
        """
        And each try begins in a fresh transaction.
        """
        tries = []

        def flaky(connection: Connection) -> int:
            tries.append(connection)
            put(connection, "a", len(tries))
            if len(tries) < 3:
                raise OperationalError("INSERT", {}, Locked())
            return len(tries)

        self.assertEqual(self.now(self.database.write(flaky)), 3)
        self.assertEqual(self.now(self.database.read(read, "a")), 3)

    def test_serialization_failures_and_deadlocks_are_tried_again(self) -> None:
        for state in ("40001", "40P01"):
            tries: list[int] = []

            def flaky(_: Connection, tries: list[int] = tries, state: str = state) -> int:
                tries.append(1)
                if len(tries) == 1:
                    raise OperationalError("UPDATE", {}, Postgres(state))
                return len(tries)

            self.assertEqual(self.now(self.database.write(flaky)), 2)

    def test_it_gives_up_in_the_end(self) -> None:
        tries = []

        def never(_: Connection) -> None:
            tries.append(1)
            raise OperationalError("UPDATE", {}, Locked())

        self.failureResultOf(Deferred.fromCoroutine(self.database.write(never)), OperationalError)
        self.assertEqual(len(tries), TRIES)

    def test_other_errors_are_not_tried_again(self) -> None:
        for error in (
            OperationalError("SELECT", {}, Postgres("57014")),
            IntegrityError("INSERT", {}, Postgres("23505")),
            ValueError(),
        ):
            tries: list[int] = []

            def fail(_: Connection, tries: list[int] = tries, error: Exception = error) -> None:
                tries.append(1)
                raise error

            failed = Deferred.fromCoroutine(self.database.write(fail))
            self.failureResultOf(failed, type(error))
            self.assertEqual(len(tries), 1)

    def test_foreign_keys_are_kept(self) -> None:
        from synnefo_tx.identity.rows.accounts import create_project

        database = immediate_database(Path(self.mktemp()))
        self.addCleanup(database.engine.dispose)
        failed = Deferred.fromCoroutine(database.write(create_project, "p", "no domain", "x", ""))
        self.failureResultOf(failed, IntegrityError)


class SqliteWritersTests(TestCase):
    """
    Several connections in several threads over one file, as several processes would have.
    """

    timeout = 60

    def setUp(self) -> None:
        self.url = f"sqlite:///{self.mktemp()}"
        engine = open_engine(self.url)
        metadata.create_all(engine)
        with engine.begin() as connection:
            put(connection, "a", 0)
        engine.dispose()

    def threads(self) -> Database:
        threads = DatabaseThreads(reactor, self.url)
        self.addCleanup(threads.stop)
        return threads.start()

    def test_no_increment_is_lost_between_two_databases(self) -> Any:
        """
        Two DatabaseThreads, each with its writer, on one file: read-then-write never interleaves.
        """
        first, second = self.threads(), self.threads()

        async def run() -> None:
            await gatherResults(
                Deferred.fromCoroutine(database.write(increment, "a"))
                for _ in range(60)
                for database in (first, second)
            )
            self.assertEqual(await first.read(read, "a"), 120)

        return Deferred.fromCoroutine(run())

    def test_readers_are_not_held_up_by_a_writer(self) -> Any:
        """
        A reader sees what was committed last while a write is under way.
        """
        database = self.threads()
        writing, may_end = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            increment(connection, "a")
            writing.set()
            assert may_end.wait(10)

        async def run() -> None:
            written = Deferred.fromCoroutine(database.write(slow))
            assert await database.read(lambda _: writing.wait(10))
            self.assertEqual(await database.read(read, "a"), 0)
            may_end.set()
            await written
            self.assertEqual(await database.read(read, "a"), 1)

        return Deferred.fromCoroutine(run())

    def test_a_unit_sees_one_state_of_the_database(self) -> Any:
        """
        Two reads in one unit agree, whatever is written between them.
        """
        database = self.threads()
        seen, may_go_on = threading.Event(), threading.Event()

        def twice(connection: Connection) -> tuple[int | None, int | None]:
            before = read(connection, "a")
            seen.set()
            assert may_go_on.wait(10)
            return before, read(connection, "a")

        async def run() -> None:
            reading = Deferred.fromCoroutine(database.read(twice))
            assert await database.read(lambda _: seen.wait(10))
            await database.write(increment, "a")
            may_go_on.set()
            self.assertEqual(await reading, (0, 0))

        return Deferred.fromCoroutine(run())

    def test_plain_threads_take_turns(self) -> None:
        """
        Eight threads without a pool of ours, each with an engine of its own.
        """
        failures: list[BaseException] = []

        def work() -> None:
            engine = open_engine(self.url)

            def at_once(job: Any) -> Any:
                return execute(job)

            database = Database(engine, at_once, at_once)
            try:
                for _ in range(10):
                    outcome: list[Any] = []
                    Deferred.fromCoroutine(database.write(increment, "a")).addBoth(outcome.append)
                    assert isinstance(outcome[0], int), outcome[0]
            except BaseException as error:  # noqa: BLE001 - told by the main thread
                failures.append(error)
            finally:
                engine.dispose()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        engine = open_engine(self.url)
        with engine.connect() as connection:
            self.assertEqual(read(connection, "a"), 80)
        engine.dispose()

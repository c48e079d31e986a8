"""
The journal's database: commits in groups, failures alone, schemas of older programs.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from ganetid.jobs.changes import put_fact
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.journal import Commit, Journal, Submission
from ganetid.jobs.model import ERROR, SUCCESS, Job, Op
from ganetid.jobs.schema import STEPS, SchemaTooNew
from ganetid.jobs.stored import Page


def insert(connection: sqlite3.Connection, key: str) -> str:
    put_fact(connection, key, b"x")
    return key


def broken(connection: sqlite3.Connection) -> None:
    put_fact(connection, "broken", b"x")
    raise ValueError("broken")


class OnDisk(TestCase):
    """A database file."""

    def setUp(self) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="gnt")
        self.addCleanup(self.home.cleanup)
        self.path = Path(self.home.name) / "cluster.db"

    async def opened(self) -> Database:
        database = Database(self.path, OneThread(reactor, "journal"), OneThread(reactor, "reader"))
        self.addCleanup(lambda: Deferred.fromCoroutine(database.close()))
        await database.open()
        return database


class DatabaseTests(OnDisk):
    """Transactions."""

    def test_groups(self) -> Deferred[None]:
        """Many that are asked for at once are few commits, answered in order."""

        async def check() -> None:
            database = await self.opened()
            order: list[str] = []
            asked = [
                database.transact(insert, f"k{number}").addCallback(order.append)
                for number in range(100)
            ]
            await gatherResults(asked)
            self.assertEqual(order, [f"k{number}" for number in range(100)])
            self.assertLessEqual(database.commits, 3)

        return Deferred.fromCoroutine(check())

    def test_failure_alone(self) -> Deferred[None]:
        """One that fails changes nothing, and hinders none that is committed with it."""

        async def check() -> None:
            database = await self.opened()
            first = database.transact(insert, "a")
            wrong = database.transact(broken)
            last = database.transact(insert, "b")
            self.assertEqual(await gatherResults([first, last]), ["a", "b"])
            await self.assertFailure(wrong, ValueError)
            rows = await database.read(
                lambda connection: connection.execute("SELECT key FROM facts").fetchall()
            )
            self.assertEqual(rows, [("a",), ("b",)])

        return Deferred.fromCoroutine(check())

    def test_older_schemas(self) -> Deferred[None]:
        """A database of every older program is taken up; one of a newer program is refused."""

        async def check() -> None:
            connection = sqlite3.connect(self.path)
            connection.executescript(f"{STEPS[0]} PRAGMA user_version=1;")
            connection.execute(
                "INSERT INTO jobs (id, status, received, ended, document)"
                " VALUES (4, 'success', 1, 2, ?)",
                ((b'{"id":4,"ops":[{"input":{"OP_ID":"OP_X"},"status":"success"}],'
                 b'"received":1,"end":2}'),),
            )  # fmt: skip
            connection.commit()
            connection.close()
            journal = Journal(await self.opened())
            beginning = await journal.begin(1.0)
            self.assertEqual((beginning.next_job_id, beginning.filters), (5, ()))
            ((number, text),) = await journal.finished(Page())
            self.assertEqual((number, b'"summary":["X"]' in text), (4, True))
            await journal.close()
            connection = sqlite3.connect(self.path)
            connection.execute(f"PRAGMA user_version={len(STEPS) + 1}")
            connection.close()
            newer = Database(self.path, OneThread(reactor, "journal"))
            await self.assertFailure(Deferred.fromCoroutine(newer.open()), SchemaTooNew)
            await newer.close()

        return Deferred.fromCoroutine(check())


class JournalTests(OnDisk):
    """Jobs in it."""

    def job(self, number: int, status: str | None = None, **more: Any) -> Job:
        op = Op({"OP_ID": "OP_X"}, status=status or "queued")
        return Job(number, (op,), received=number, end=number if status else None, **more)

    def test_effects(self) -> Deferred[None]:
        """A job whose effect has one is not stored; others of the same submission are."""

        async def check() -> None:
            journal = Journal(await self.opened())
            await journal.begin(1.0)
            await journal.submit([Submission(self.job(1, effect="e"), {})])
            ids = await journal.submit(
                [Submission(self.job(2, effect="e"), {"pw": "x"}), Submission(self.job(3), {})]
            )
            self.assertEqual(ids, [1, 3])
            self.assertEqual([job.id for job in await journal.jobs()], [1, 3])

        return Deferred.fromCoroutine(check())

    def test_pages(self) -> Deferred[None]:
        """Ended jobs by number, status and count; archived ones are in none but can be read."""

        async def check() -> None:
            journal = Journal(await self.opened())
            await journal.begin(1.0)
            jobs = (
                self.job(1, SUCCESS), self.job(2, ERROR), self.job(3), self.job(4, SUCCESS),
            )  # fmt: skip
            await journal.commit(Commit(jobs=jobs))
            for page, ids in (
                (Page(), [1, 2, 4]), (Page(after=1, limit=1), [2]), (Page(status=(ERROR,)), [2]),
            ):  # fmt: skip
                self.assertEqual(await journal.finished_ids(page), ids)
                self.assertEqual([number for number, _ in await journal.finished(page)], ids)
            self.assertTrue(await journal.archive_one(1))
            self.assertFalse(await journal.archive_one(3))
            self.assertEqual(await journal.finished_ids(Page()), [2, 4])
            archived = await journal.job(1)
            assert archived is not None
            self.assertTrue(archived.archived)
            self.assertEqual(await journal.archive(3, 0), 1)
            self.assertEqual(await journal.finished_ids(Page()), [4])

        return Deferred.fromCoroutine(check())

"""
Many at once, on both databases: the last place, the last application, one answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from threading import Thread

from attrs import evolve
from sqlalchemy import Connection, Engine, func, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.account.errors import TooManyPending, WrongState
from synnefo_tx.account.model import Actor, Asked, Doing, Policy
from synnefo_tx.account.rows import applications, members
from synnefo_tx.account.rows.tables import project_members
from synnefo_tx.errors import DomainError
from synnefo_tx.identity.rows import accounts
from synnefo_tx.identity.rows.tables import assignments
from synnefo_tx.quota.rows.resources import ensure
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.memory import hasty
from tests.synnefo_tx.identity.cloud import fill
from tests.synnefo_tx.migrated import migrated_in_server, migrated_url

NOW_US, YEAR_US = 1_763_861_393_000_000, 366 * 86400 * 10**6
MANY = 12
ADMIN = Doing(Actor("u-admin", "default", is_admin=True), NOW_US, 3600)
ALICE = evolve(ADMIN, actor=Actor("u-alice", "default"))
Unit = Callable[[Connection], object]


class RaceTests(SynchronousTestCase):
    """Threads with connections of their own."""

    def url(self) -> str:
        """Of a database without rows."""
        return migrated_url(self)

    def setUp(self) -> None:
        self.engine: Engine = hasty(open_engine(self.url()))
        self.addCleanup(self.engine.dispose)

        def begin(connection: Connection) -> None:
            fill(connection)
            ensure(connection)
            for number in range(MANY):
                accounts.create_user(connection, f"u-{number}", "default", f"n{number}", "-")

        self.done(begin)

    def done(self, unit: Unit) -> object:
        """The unit's value, committed."""
        engine = self.engine.execution_options(synnefo_write=True)
        with engine.connect() as connection, connection.begin():
            return unit(connection)

    def at_once(self, units: list[Unit]) -> list[Exception | None]:
        """What became of each."""
        answers: list[Exception | None] = []

        def run(unit: Unit) -> None:
            try:
                self.done(unit)
            except DomainError as error:
                answers.append(error)
            else:
                answers.append(None)

        threads = [Thread(target=run, args=(unit,)) for unit in units]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), len(units))
        return answers

    def applied(self, **more: object) -> tuple[str, int]:
        """Alice's project and its application."""
        project_id = uuid.uuid4().hex
        asked = Asked(name=f"n{project_id[:8]}.org", end_at=NOW_US + YEAR_US, **more)  # type: ignore[arg-type]
        number = self.done(lambda c: applications.apply_for(c, ALICE, project_id, asked))
        assert isinstance(number, int)
        return project_id, number

    def test_the_last_places(self) -> None:
        """Three beside the owner: three get the role, the others wait."""
        project_id, number = self.applied(max_members=4, join_policy=Policy.AUTO)
        self.done(lambda c: applications.approve(c, ADMIN, number))

        def joins(user: str) -> Unit:
            doing = evolve(ADMIN, actor=Actor(user, "default"))
            return lambda c: members.join(c, doing, project_id)

        answers = self.at_once([joins(f"u-{one}") for one in range(MANY)])
        self.assertEqual(answers, [None] * MANY)
        with self.engine.connect() as connection:
            c = project_members.c
            rows = connection.execute(select(c.state, func.count()).group_by(c.state)).all()
            held = select(func.count()).where(assignments.c.target_id == project_id)
            self.assertEqual(connection.execute(held).scalar(), 4)
        self.assertEqual({row[0]: row[1] for row in rows}, {"accepted": 4, "requested": MANY - 3})

    def test_one_answer(self) -> None:
        """Of many administrators one answers the application."""
        _, number = self.applied()
        answers = self.at_once([lambda c: applications.approve(c, ADMIN, number)] * 4)
        self.assertEqual(sum(one is None for one in answers), 1)
        for error in answers:
            self.assertIsInstance(error, WrongState | None)

    def test_the_last_application(self) -> None:
        """Three may wait, whoever is quicker."""

        def applies(number: int) -> Unit:
            asked = Asked(name=f"n{number}.org", end_at=NOW_US + YEAR_US)
            project_id = uuid.uuid4().hex
            return lambda c: applications.apply_for(c, ALICE, project_id, asked)

        answers = self.at_once([applies(one) for one in range(8)])
        self.assertEqual(sum(one is None for one in answers), 3)
        for error in answers:
            self.assertIsInstance(error, TooManyPending | None)


class PostgresqlRaceTests(RaceTests):
    """The same on PostgreSQL."""

    def url(self) -> str:
        """Of a database without rows."""
        return migrated_in_server()

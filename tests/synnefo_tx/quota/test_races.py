"""
Many writers at once, in real threads: nothing is given twice, nothing is lost.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, event, func, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import OverQuota
from synnefo_tx.quota.model import Holding, Payer, Provision, Wanted, member_key
from synnefo_tx.quota.registered import DISK, TOTAL_CPU, VM
from synnefo_tx.quota.rows import commissions
from synnefo_tx.quota.rows.holdings import give_back, held, held_by, take
from synnefo_tx.quota.rows.limits import set_defaults, set_limits
from synnefo_tx.quota.rows.tables import commissions as commission_table
from synnefo_tx.quota.rows.tables import holdings, provisions, quota_limits
from synnefo_tx.quota.rows.verify import quota_verify
from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.schema import create_all
from tests.live.postgresql import shared_server

WRITERS = 10
Unit = Callable[[Connection, int], object]


class Nevermind(Exception):
    """A caller that changes its mind after it took something."""


class RaceTests(SynchronousTestCase):
    """SQLite, which lets one write at a time."""

    def make_engine(self) -> Engine:
        return open_engine(f"sqlite:///{Path(self.mktemp()).absolute()}")

    def setUp(self) -> None:
        self.engine = self.make_engine()
        self.addCleanup(self.engine.dispose)
        create_all(self.engine)
        for number in range(WRITERS):  # holdings that are there are not kept apart by being made
            for payer in (Payer("u", "p"), Payer(f"u{number}", "p")):
                self.write(lambda c, _, who=payer: take(c, who, {VM: 0}), 0)
        event.listen(self.engine, "after_cursor_execute", _dawdle)

    def write(self, unit: Unit, number: int) -> bool:
        """
        Whether it was granted.  Deadlocks are retried as everywhere.
        """
        writing = Database(self.engine, _at_once, _at_once).write(unit, number)
        try:
            writing.send(None)
        except StopIteration as end:
            return bool(end.value)
        except (OverQuota, Nevermind):
            return False
        raise AssertionError("it waits for something")

    def race(self, unit: Unit, writers: int = WRITERS) -> list[bool]:
        """
        What each of the writers, begun together, got; in the order of their numbers.
        """
        together = threading.Barrier(writers)
        got: dict[int, bool] = {}
        failures: list[BaseException] = []

        def run(number: int) -> None:
            together.wait()
            try:
                got[number] = self.write(unit, number)
            except BaseException as error:  # noqa: BLE001 - told by the main thread
                failures.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        return [got[number] for number in range(writers)]

    def held(self, resource: str = VM, project_id: str = "p") -> Holding:
        with self.engine.connect() as connection:
            return held(connection, project_id, [resource])[resource]

    def set_limits(self, member: int, project: int, resource: str = VM) -> None:
        with self.engine.begin() as connection:
            set_limits(connection, "p", {resource: (member, project)})

    def test_the_last_unit_of_a_project(self) -> None:
        """Of many users, exactly one gets it."""
        self.set_limits(-1, 1)
        got = self.race(lambda c, number: take(c, Payer(f"u{number}", "p"), {VM: 1}) is None)
        self.assertEqual((got.count(True), self.held()), (1, Holding(1, 1)))

    def test_the_last_unit_of_a_user(self) -> None:
        """However much the project has left."""
        self.set_limits(1, 100)
        got = self.race(lambda c, _: take(c, Payer("u", "p"), {VM: 1}) is None)
        self.assertEqual((got.count(True), self.held()), (1, Holding(100, 1)))

    def test_the_last_unit_between_commissions_and_takers(self) -> None:
        """The two ways know of each other."""
        self.set_limits(-1, 1)

        def ask(connection: Connection, number: int) -> object:
            payer = Payer(f"u{number}", "p")
            if number % 2:
                return take(connection, payer, {VM: 1}) is None
            asked = [Provision(key, 1) for key in payer.keys(VM)]
            return commissions.issue(connection, Wanted("c", asked), 1)

        self.assertEqual(self.race(ask).count(True), 1)
        self.assertEqual(self.held().used, 1)

    def test_limits_set_at_once(self) -> None:
        """One of them holds, and nobody fails."""

        def limit(connection: Connection, number: int) -> object:
            set_limits(connection, "p", {TOTAL_CPU: (number, 100 + number)})
            return True

        self.assertEqual(self.race(limit), [True] * WRITERS)
        with self.engine.connect() as connection:
            self.assertEqual(quota_verify(connection), [])
            mine = held_by(connection, Payer("someone", "p"), [TOTAL_CPU])[TOTAL_CPU]
        self.assertEqual(self.held(TOTAL_CPU).limit, 100 + mine.limit)

    def test_limits_set_while_somebody_takes_for_the_first_time(self) -> None:
        """Holdings that are made then have the new limits, or get them."""

        def work(connection: Connection, number: int) -> object:
            project = f"new{number // 3}"
            if number % 3 == 0:
                set_limits(connection, project, {VM: (7, 70)})
            elif number % 3 == 1:
                take(connection, Payer("u", project), {VM: 1, DISK: 1})
            elif number == 2:
                set_defaults(connection, DISK, 5, 50)
            else:  # a member alone, as commissions may
                asked = [Provision(member_key("w", project, VM), 1)]
                commissions.issue(connection, Wanted("c", asked), 1)
            return True

        for _ in range(3):
            self.assertEqual(self.race(work, 24), [True] * 24)
            with self.engine.begin() as connection:
                self.assertEqual(quota_verify(connection), [])
                connection.execute(delete(provisions))
                connection.execute(delete(commission_table))
                connection.execute(delete(holdings))
                connection.execute(delete(quota_limits))
                set_defaults(connection, DISK, 9, 90)

    def test_a_commission_is_resolved_once(self) -> None:
        """Whoever comes second finds none."""
        asked = [Provision(key, 3) for key in Payer("u", "p").keys(VM)]
        with self.engine.begin() as connection:
            serial = commissions.issue(connection, Wanted("c", asked), 1)

        def resolve(connection: Connection, number: int) -> object:
            accept, reject = ([serial], []) if number % 2 else ([], [serial])
            found = commissions.resolve(connection, "c", accept, reject, 2)
            return found.accepted or found.rejected or _nevermind()

        got = self.race(resolve)
        self.assertEqual(got.count(True), 1)
        accepted = got.index(True) % 2
        self.assertEqual(self.held(), Holding(20, 3 if accepted else 0))

    def test_who_fails_leaves_nothing(self) -> None:
        """Half of the writers change their minds after they took."""

        def ask(connection: Connection, number: int) -> object:
            take(connection, Payer(f"u{number}", f"p{number % 3}"), {VM: 1, DISK: 5})
            return _nevermind() if number % 2 else True

        got = self.race(ask)
        self.assertEqual(got, [number % 2 == 0 for number in range(WRITERS)])
        kept = sum(self.held(VM, f"p{number}").used for number in range(3))
        self.assertEqual(kept, WRITERS // 2)
        with self.engine.connect() as connection:
            everything = select(func.sum(holdings.c.usage_max)).where(holdings.c.source != "")
            self.assertEqual(connection.execute(everything).scalar_one(), 6 * WRITERS // 2)

    def test_anything_at_once(self) -> None:
        """
        Writers that take, give back, issue and resolve at random, in two projects: no limit is
        ever passed, and in the end every holding is what was granted.
        """
        for project in ("p", "q"):
            with self.engine.begin() as connection:
                set_limits(connection, project, {VM: (4, 9), TOTAL_CPU: (6, 10)})
        granted: dict[int, int] = {}

        def work(connection: Connection, number: int) -> object:
            chance = random.Random(number)
            payer = Payer(f"u{number % 5}", chance.choice("pq"))
            amounts = {VM: chance.randint(1, 2), TOTAL_CPU: chance.randint(1, 3)}
            take(connection, payer, amounts)
            granted[number] = amounts[VM]
            if number % 4 == 1:
                give_back(connection, payer, amounts)
                granted[number] = 0
            elif number % 4 == 2:
                asked = [Provision(key, -amounts[VM]) for key in payer.keys(VM)]
                serial = commissions.issue(connection, Wanted("c", asked), 1)
                commissions.resolve(connection, "c", [serial], [], 2)
                granted[number] = 0
            elif number % 4 == 3:
                _nevermind()
            return True

        got = self.race(work, 24)
        kept = sum(granted[number] for number, won in enumerate(got) if won)
        self.assertEqual(self.held(VM, "p").used + self.held(VM, "q").used, kept)
        with self.engine.connect() as connection:
            self.assertEqual(quota_verify(connection), [])
            self.assertEqual(connection.execute(select(commission_table)).all(), [])
            for project in ("p", "q"):
                of_members = 0
                for user in range(5):
                    own = held_by(connection, Payer(f"u{user}", project), [VM])[VM]
                    self.assertLessEqual(own.used, 4)
                    of_members += own.used
                self.assertEqual(self.held(VM, project).used, of_members)
                self.assertLessEqual(self.held(VM, project).used, 9)


class PostgresqlRaceTests(RaceTests):
    """PostgreSQL, which lets all write that don't meet."""

    def make_engine(self) -> Engine:
        return open_engine(shared_server().new_database())


def _dawdle(_c: object, _cursor: object, statement: str, *_: object) -> None:
    """
    Whoever has looked waits before writing, so that others look meanwhile if they can.
    """
    if statement.startswith("SELECT") and (
        "FROM holdings" in statement or "FROM comm" in statement or "FROM quota_limits" in statement
    ):
        time.sleep(0.004)


def _nevermind() -> None:
    raise Nevermind


async def _at_once(job: Callable[[], object]) -> object:
    return job()

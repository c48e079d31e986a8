"""
One person logs in several times at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

from sqlalchemy import Engine, func, select
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.follower import Nobody
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.settings import AccountRules, RoleRule
from synnefo_tx.people.external.settle import Settle
from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.schema import create_all
from tests.live.postgresql import shared_server
from tests.synnefo_tx.identity.cloud import fill

MANY = 6
RULES = AccountRules(
    mirror_groups=True, roles=(RoleRule(claim="unit", value="physics", project="two"),)
)


def _at_once(job: Callable[[], Any]) -> Deferred[Any]:
    """In the thread that asks."""
    waited: Deferred[Any] = Deferred()
    try:
        waited.callback(job())
    except Exception:  # noqa: BLE001 - given on
        waited.errback()
    return waited


class RaceTests(SynchronousTestCase):
    def make_url(self) -> str:
        return f"sqlite:///{Path(self.mktemp()).absolute()}"

    def setUp(self) -> None:
        self.engine: Engine = open_engine(self.make_url())
        self.addCleanup(self.engine.dispose)
        create_all(self.engine)
        with self.engine.begin() as connection:
            fill(connection)
        database = Database(self.engine, _at_once, _at_once)
        self.settle = Settle(database, lambda: 1_800_000_000.0, 3600, lambda: None, Nobody())

    def at_once(self, people: list[Person]) -> Counter[str]:
        barrier, got = Barrier(len(people)), []

        def run(person: Person) -> None:
            barrier.wait()
            done = Deferred.fromCoroutine(self.settle(person, RULES))
            done.addCallbacks(
                lambda settled: got.append(settled.done),
                lambda failure: got.append(failure.type.__name__),
            )

        threads = [Thread(target=run, args=(person,)) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return Counter(got)

    def person(self, identifier: str = "p-1", name: str = "carol", *groups: str) -> Person:
        return Person("oidc:work", identifier, name, groups=groups, roles=(("two", "member"),))

    def test_the_first_time(self) -> None:
        """One account is made, and all are of it."""
        got = self.at_once([self.person("p-1", "carol", "a", "b")] * MANY)
        self.assertEqual(got, {"made": 1, "refreshed": MANY - 1})
        named = select(func.count()).select_from(users).where(users.c.name == "carol")
        lines = select(func.count()).select_from(audit_log)
        with self.engine.connect() as connection:
            self.assertEqual(connection.scalar(named), 1)
            self.assertEqual(connection.scalar(lines), 1)

    def test_other_groups_and_roles(self) -> None:
        """What is given at once by several is given."""
        self.at_once([self.person()])
        got = self.at_once([self.person("p-1", "carol", "a", "b")] * MANY)
        self.assertEqual(got, {"refreshed": MANY})

    def test_several_bring_a_new_group(self) -> None:
        """It is made once."""
        people = [self.person(f"p-{number}", f"n{number}", "physics") for number in range(MANY)]
        self.assertEqual(self.at_once(people), {"made": MANY})

    def test_one_name(self) -> None:
        """Of several persons one has it."""
        people = [self.person(f"p-{number}") for number in range(MANY)]
        self.assertEqual(self.at_once(people), {"made": 1, "NameInUse": MANY - 1})


class PostgresqlRaceTests(RaceTests):
    """The same, with many writers at a time."""

    def make_url(self) -> str:
        return shared_server().new_database()

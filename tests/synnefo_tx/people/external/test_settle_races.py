"""
One person logs in several times at once.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from sqlalchemy import func, select
from twisted.internet.defer import Deferred, execute
from twisted.python.failure import Failure

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.follower import Nobody
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.rows.accounts import Settled
from synnefo_tx.people.external.settings import AccountRules, RoleRule
from synnefo_tx.people.external.settle import Settle
from synnefo_tx.store.database import Database
from tests.synnefo_tx.migrated import migrated_in_server
from tests.synnefo_tx.racing import RaceCase, at_once

MANY = 6
RULES = AccountRules(
    mirror_groups=True, roles=(RoleRule(claim="unit", value="physics", project="two"),)
)


class RaceTests(RaceCase):
    def setUp(self) -> None:
        super().setUp()
        database = Database(self.engine, execute, execute)
        self.settle = Settle(database, lambda: 1_800_000_000.0, 3600, lambda: None, Nobody())

    def settled(self, people: list[Person]) -> Counter[str]:
        """How often each end or error came."""

        def settle(person: Person) -> Settled | Failure:
            got: list[Any] = []
            Deferred.fromCoroutine(self.settle(person, RULES)).addBoth(got.append)
            return got[0]  # type: ignore[no-any-return]

        ends = at_once(*[partial(settle, person) for person in people])
        return Counter(end.done if isinstance(end, Settled) else end.type.__name__ for end in ends)

    def person(self, identifier: str = "p-1", name: str = "carol", *groups: str) -> Person:
        return Person("oidc:work", identifier, name, groups=groups, roles=(("two", "member"),))

    def test_the_first_time(self) -> None:
        """One account is made, and all are of it."""
        got = self.settled([self.person("p-1", "carol", "a", "b")] * MANY)
        self.assertEqual(got, {"made": 1, "refreshed": MANY - 1})
        named = select(func.count()).select_from(users).where(users.c.name == "carol")
        lines = select(func.count()).select_from(audit_log)
        with self.engine.connect() as connection:
            self.assertEqual(connection.scalar(named), 1)
            self.assertEqual(connection.scalar(lines), 1)

    def test_other_groups_and_roles(self) -> None:
        """What is given at once by several is given."""
        self.settled([self.person()])
        got = self.settled([self.person("p-1", "carol", "a", "b")] * MANY)
        self.assertEqual(got, {"refreshed": MANY})

    def test_several_bring_a_new_group(self) -> None:
        """It is made once."""
        people = [self.person(f"p-{number}", f"n{number}", "physics") for number in range(MANY)]
        self.assertEqual(self.settled(people), {"made": MANY})

    def test_one_name(self) -> None:
        """Of several persons one has it."""
        people = [self.person(f"p-{number}") for number in range(MANY)]
        self.assertEqual(self.settled(people), {"made": 1, "NameInUse": MANY - 1})


class PostgresqlRaceTests(RaceTests):
    """The same, with many writers at a time."""

    def make_url(self) -> str:
        return migrated_in_server()

"""
What may be used a number of times is used no oftener, however many try at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Barrier, Thread
from typing import Any

from sqlalchemy import Connection, insert
from twisted.internet.defer import Deferred, execute
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import Conflict
from synnefo_tx.identity.model import ApplicationCredential
from synnefo_tx.identity.rows import application_credentials, recovery
from synnefo_tx.identity.rows.credentials import seal_anew
from synnefo_tx.identity.rows.delegation_tables import credentials
from synnefo_tx.identity.rows.kinds import APPLICATION_CREDENTIAL, TRUST
from synnefo_tx.identity.rows.second_factors import sealed_factors, use_code
from synnefo_tx.identity.rows.trusted import consume, trust_of
from synnefo_tx.identity.rows.trusts import create_trust, remove_trust
from synnefo_tx.people.rows import factors
from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.memory import hasty
from tests.synnefo_tx.identity.cloud import fill
from tests.synnefo_tx.migrated import migrated_in_server, migrated_url

AT_ONCE = 8
TRUSTED = {
    "id": "t",
    "trustor_user_id": "u-alice",
    "trustee_user_id": "u-bob",
    "project_id": "p1",
    "impersonation": False,
    "expires_at": None,
    "remaining_uses": 3,
    "redelegated_trust_id": None,
    "redelegation_count": 0,
}


class UsedOnceTests(SynchronousTestCase):
    """
    On SQLite.
    """

    def url(self) -> str:
        return migrated_url(self)

    def setUp(self) -> None:
        engine = hasty(open_engine(self.url()))
        self.addCleanup(engine.dispose)
        self.database = Database(engine, execute, execute)
        self.do(fill)
        factor = insert(credentials).values(id="c", user_id="u-alice", type="totp", blob="sealed")
        self.do(Connection.execute, factor)

    def all_at_once(self, unit: Callable[..., bool], *args: Any) -> int:
        """
        How many of those who try succeed.
        """
        won: list[bool] = []
        together = Barrier(AT_ONCE)

        def attempt() -> None:
            together.wait()
            won.append(self.do(unit, *args))

        threads = [Thread(target=attempt) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(won), AT_ONCE)
        return won.count(True)

    def do(self, unit: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """
        The unit's value, in the way in which a service writes.
        """
        written = self.database.write(unit, *args, **named)
        return self.successResultOf(Deferred.fromCoroutine(written))

    def test_a_code_is_good_for_one(self) -> None:
        self.assertEqual(self.all_at_once(use_code, "c", 7), 1)
        self.assertEqual(self.all_at_once(use_code, "c", 6), 0)
        self.assertEqual(self.all_at_once(use_code, "c", 8), 1)

    def test_a_recovery_code_is_good_for_one(self) -> None:
        self.do(recovery.renew, "u-alice", ("x", "y"))
        self.assertEqual(self.all_at_once(recovery.use, "u-alice", "x"), 1)
        self.assertEqual(self.do(recovery.left, "u-alice"), 1)

    def test_one_second_factor_is_enrolled(self) -> None:
        """And one who ends it ends it."""

        def tried(
            connection: Connection, unit: Callable[..., None], *args: Any, **how: Any
        ) -> bool:
            try:
                unit(connection, "u-bob", *args, **how)
            except Conflict:
                return False
            return True

        given = factors.Enrolment("sealed", 1, ("x", "y"))
        self.assertEqual(self.all_at_once(tried, factors.enrol, given), 1)
        self.assertEqual(len(self.do(sealed_factors, "u-bob")), 1)
        self.assertEqual(self.do(recovery.left, "u-bob"), 2)
        end = partial(factors.disenrol, by_person=True)
        self.assertEqual(self.all_at_once(tried, end), 1)
        standing = factors.Standing(enrolled=False, asked_for=False, codes_left=0)
        self.assertEqual(self.do(factors.standing, "u-bob"), standing)

    def test_a_trust_is_used_as_often_as_it_says(self) -> None:
        self.do(create_trust, TRUST, TRUSTED, [{"name": "member"}])
        self.assertEqual(self.all_at_once(consume, "t"), 3)
        self.assertEqual(self.do(trust_of, "t").remaining_uses, 0)

    def test_a_line_of_trusts_goes_at_once(self) -> None:
        first = TRUSTED | {"redelegation_count": 3, "remaining_uses": None}
        self.do(create_trust, TRUST, first, [{"name": "member"}])
        second = first | {
            "id": "t2",
            "trustor_user_id": "u-bob",
            "trustee_user_id": "u-admin",
            "redelegated_trust_id": "t",
            "redelegation_count": None,
        }
        self.do(create_trust, TRUST, second, [{"name": "member"}])
        told = self.do(trust_of, "t2")
        self.assertEqual(
            (told.origin_id, told.chain, told.sound), ("u-alice", ("u-alice", "u-bob"), True)
        )
        self.do(remove_trust, TRUST, first, 1, 2)
        self.assertIsNone(self.do(trust_of, "t2"))

    def test_an_application_credential_with_its_parts(self) -> None:
        thing = {
            "id": "a",
            "name": "robot",
            "user_id": "u-alice",
            "project_id": "p1",
            "secret_hash": "hash",
            "unrestricted": False,
            "expires_at": 1_800_000_000_123_456,
            "access_rules": [{"service": "image", "method": "GET", "path": "/v2/**"}],
        }
        create = application_credentials.create_credential
        self.do(create, APPLICATION_CREDENTIAL, thing, ("member",), delegated=True)
        found = self.do(application_credentials.credential_named, "u-alice", "robot")
        self.assertEqual(
            found,
            ApplicationCredential(
                "a",
                "robot",
                "u-alice",
                "p1",
                "hash",
                expires_at=1_800_000_000_123_456,
                role_ids=frozenset({"role-member"}),
                access_rules=found.access_rules,
            ),
        )
        self.assertEqual([rule.path for rule in found.access_rules], ["/v2/**"])
        remove = application_credentials.remove_credential
        self.do(remove, APPLICATION_CREDENTIAL, {"id": "a"}, 1, 2)
        self.assertIsNone(self.do(application_credentials.credential, "a"))

    def test_secrets_are_sealed_anew(self) -> None:
        def blob(connection: Connection) -> str:
            return str(connection.execute(credentials.select()).one().blob)

        self.assertEqual(self.do(seal_anew, str.upper), "c")
        self.assertEqual(self.do(blob), "SEALED")


class PostgresqlUsedOnceTests(UsedOnceTests):
    """
    On PostgreSQL.
    """

    def url(self) -> str:
        return migrated_in_server()

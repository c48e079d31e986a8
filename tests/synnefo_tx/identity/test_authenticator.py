"""
What makes a token worthless before its end, and how soon each worker knows.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.rows import accounts, revocations
from synnefo_tx.identity.rows.granting import take
from synnefo_tx.identity.rows.grants import Grant
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import TokenBox
from tests.synnefo_tx.identity.cloud import IdentityCloud, identity_cloud


@define
class CountedDatabase:
    """
    A database that counts its reads, and may hold them back.
    """

    real: Any
    reads: int = 0
    held: list[Deferred[None]] | None = None
    fails: bool = False
    units: list[Any] = field(factory=list)

    async def read(self, unit: Any, *args: Any) -> Any:
        self.reads += 1
        if self.held is not None:
            waiter: Deferred[None] = Deferred()
            self.held.append(waiter)
            await waiter
        if self.fails:
            raise OSError("the database is away")
        return await self.real.read(unit, *args)

    async def write(self, unit: Any, *args: Any) -> Any:
        return await self.real.write(unit, *args)


class AuthenticatorTests(SynchronousTestCase):
    """
    `self.cloud` issues tokens; `self.worker` is another worker over the same database.
    """

    def setUp(self) -> None:
        self.cloud: IdentityCloud = identity_cloud(self)
        self.database = CountedDatabase(self.cloud.database)
        self.worker = Authenticator(self.database, self.cloud.tokens, self.cloud.clock)

    def check(self, text: str, worker: Authenticator | None = None) -> Deferred[Token]:
        return Deferred.fromCoroutine((worker or self.worker)(text))

    def works(self, text: str) -> bool:
        """
        Whether the worker takes the token.
        """
        outcome: list[Any] = []
        self.check(text).addBoth(outcome.append)
        if isinstance(outcome[0], Token):
            return True
        outcome[0].trap(NotAuthenticated)
        return False

    def test_a_good_token_says_who_calls(self) -> None:
        token = self.successResultOf(self.check(self.cloud.token("alice")))
        self.assertEqual(
            (token.user_id, token.project_id, token.roles, token.is_admin),
            ("u-alice", "p1", ("member",), False),
        )

    def test_what_is_wrong_with_a_token_is_not_told(self) -> None:
        ended = self.cloud.token("alice")
        self.cloud.now += 3600
        for text in ("garbage", ended, "é" * 40):
            error = self.failureResultOf(self.check(text), NotAuthenticated).value
            self.assertIs(type(error), NotAuthenticated)
            self.assertEqual(str(error), "The request you have made requires authentication.")

    def test_many_calls_within_the_period_read_the_database_once(self) -> None:
        text = self.cloud.token("alice")
        for _ in range(50):
            self.assertTrue(self.works(text))
        self.assertEqual(self.database.reads, 1)
        self.cloud.now += 1.0
        self.assertTrue(self.works(text))
        self.assertEqual(self.database.reads, 2)

    def test_garbage_reads_nothing(self) -> None:
        for _ in range(10):
            self.works("garbage")
        self.assertEqual(self.database.reads, 0)

    def test_calls_that_come_while_news_is_fetched_wait_for_it(self) -> None:
        """
        One question for all of them, and nobody is let in on old knowledge.
        """
        text = self.cloud.token("alice")
        self.database.held = []
        waiting = [self.check(text) for _ in range(5)]
        self.assertEqual(self.database.reads, 1)
        for one in waiting:
            self.assertNoResult(one)
        self.database.held.pop().callback(None)
        for one in waiting:
            self.assertEqual(self.successResultOf(one).user_id, "u-alice")

    def test_a_database_that_is_away_lets_nobody_in_and_recovers(self) -> None:
        text = self.cloud.token("alice")
        self.database.fails, self.database.held = True, []
        waiting = [self.check(text) for _ in range(3)]
        self.database.held.pop().callback(None)
        for one in waiting:
            self.failureResultOf(one, OSError)
        self.database.fails, self.database.held = False, None
        self.assertTrue(self.works(text))

    def test_a_clock_set_back_does_not_stop_the_news(self) -> None:
        text = self.cloud.token("alice")
        self.assertTrue(self.works(text))
        self.cloud.now -= 7200
        self.cloud.disable("user", "u-alice")
        self.assertFalse(self.works(text))

    def test_another_worker_learns_of_a_revocation_within_the_period(self) -> None:
        text, bystander = self.cloud.token("alice"), self.cloud.token("alice")
        self.assertTrue(self.works(text))
        self.cloud.ask("DELETE", "/v3/auth/tokens", text, headers={"X-Subject-Token": text})
        self.cloud.now += 0.9
        self.assertTrue(self.works(text))
        self.cloud.now += 0.1
        self.assertFalse(self.works(text))
        self.assertTrue(self.works(bystander))

    def test_a_disabled_user_project_or_domain_ends_tokens(self) -> None:
        for kind, thing_id in (("user", "u-alice"), ("project", "p1"), ("domain", "default")):
            cloud = identity_cloud(self)
            text, bystander = cloud.token("alice"), cloud.token("bob")
            worker = Authenticator(cloud.database, cloud.tokens, cloud.clock)
            self.successResultOf(self.check(text, worker))
            cloud.disable(kind, thing_id)
            cloud.now += 1
            self.failureResultOf(self.check(text, worker), NotAuthenticated)
            answer = cloud.ask("GET", "/v3/auth/projects", bystander)
            self.assertEqual((kind, answer.code), (kind, 401 if kind == "domain" else 200))

    def test_enabling_a_user_again_does_not_revive_old_tokens(self) -> None:
        text = self.cloud.token("alice")
        self.cloud.disable("user", "u-alice")
        self.cloud.now += 5
        self.cloud.change("user", "u-alice", {"enabled": True})
        self.cloud.now += 5
        self.assertFalse(self.works(text))
        self.assertTrue(self.works(self.cloud.token("alice")))

    def test_a_token_issued_while_its_user_was_being_disabled_is_refused(self) -> None:
        """
        Its time of issue may lie after the revocation's; the present state decides.
        """
        self.cloud.disable("user", "u-alice")
        token = Token(
            user_id="u-alice",
            user_name="alice",
            user_domain_id="default",
            project_id="",
            project_name="",
            project_domain_id="",
            roles=(),
            methods=("password",),
            issued_at=int(self.cloud.now) + 1,
            expires_at=int(self.cloud.now) + 100,
            audit_id="a",
        )
        self.assertFalse(self.works(self.cloud.tokens.seal(token)))

    def test_another_password_ends_the_tokens_of_the_old_one(self) -> None:
        text = self.cloud.token("alice")
        self.cloud.change("user", "u-alice", {"password_hash": Passwords.hash_now("new")})
        self.cloud.now += 1
        self.assertFalse(self.works(text))
        self.assertEqual(self.cloud.login("alice").code, 401)
        answer = self.cloud.login("alice", password="new")
        self.assertTrue(self.works(answer.header("X-Subject-Token")))

    def test_a_role_taken_away_ends_the_tokens_of_that_project_only(self) -> None:
        self.cloud.write(accounts.assign, "u-alice", "p2", "role-reader")
        one = self.cloud.token("alice", {"project": {"id": "p1"}})
        two = self.cloud.token("alice", {"project": {"id": "p2"}})
        horizon, now = self.cloud.tokens.horizon_s, int(self.cloud.now)
        held = Grant("user", "u-alice", "project", "p1", "role-member")
        self.cloud.write(take, held, now, horizon)
        self.cloud.now += 1
        self.assertFalse(self.works(one))
        self.assertTrue(self.works(two))

    def test_revocations_are_forgotten_once_nothing_can_fall_under_them(self) -> None:
        text = self.cloud.token("alice")
        self.cloud.ask("DELETE", "/v3/auth/tokens", text, headers={"X-Subject-Token": text})
        self.works(self.cloud.token("bob"))
        self.assertEqual(len(self.worker._revoked), 1)
        self.cloud.now += self.cloud.tokens.horizon_s + 2
        other = self.cloud.token("bob")
        self.assertTrue(self.works(other))
        self.assertEqual(len(self.worker._revoked), 0)
        self.cloud.ask("DELETE", "/v3/auth/tokens", other, headers={"X-Subject-Token": other})
        rows = self.cloud.write(lambda connection: revocations.news(connection, 0, 0, 0))
        self.assertEqual(len(rows.revocations), 1)

    def test_a_worker_that_starts_later_knows_what_was_revoked(self) -> None:
        text = self.cloud.token("alice")
        self.cloud.ask("DELETE", "/v3/auth/tokens", text, headers={"X-Subject-Token": text})
        self.cloud.disable("project", "p2")
        bob = self.cloud.token("bob", "unscoped")
        self.assertFalse(self.works(text))
        self.assertTrue(self.works(bob))

    def test_tokens_of_another_cloud_open_nothing(self) -> None:
        from cryptography.fernet import Fernet

        other = TokenBox([Fernet.generate_key()], self.cloud.clock)
        token = self.successResultOf(self.check(self.cloud.token("admin")))
        self.assertFalse(self.works(other.seal(token)))

    def test_stopping_waits_for_an_open_question(self) -> None:
        text = self.cloud.token("alice")
        self.successResultOf(self.worker.stopService())
        self.database.held = []
        asked = self.check(text)
        stopped = self.worker.stopService()
        self.assertNoResult(stopped)
        self.database.held.pop().callback(None)
        self.successResultOf(stopped)
        self.successResultOf(asked)

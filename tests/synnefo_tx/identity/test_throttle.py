"""
Limits on wrong log-ins.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import TooManyRequests
from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.password_gate import PasswordGate
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.identity.rules.attempts import OF_ACCOUNT, OF_ADDRESS, Limits, delay_s
from synnefo_tx.identity.rules.login import Wanted
from synnefo_tx.identity.throttle import FORGET_S, MOST_KNOWN, Throttle
from synnefo_tx.store.database import Database
from tests.synnefo_tx.identity.cloud import PASSWORDS, SECRETS, Answer, identity_cloud


class ThrottleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1000.0
        self.throttle = Throttle(lambda: self.now, Limits(3, 8), Limits(5, 60))

    def fail(self, account: str = "a", address: str = "192.0.2.1") -> None:
        self.throttle.begin(account, address).failed()

    def wait_s(self, account: str = "a", address: str = "192.0.2.1") -> int:
        """
        0 when an attempt may be made.
        """
        try:
            self.throttle.begin(account, address).dropped()
        except TooManyRequests as error:
            return error.retry_after_s
        return 0

    def test_each_wait_is_twice_the_one_before_up_to_the_longest(self) -> None:
        waits = []
        for _ in range(8):
            self.fail()
            waits.append(self.wait_s(address="192.0.2.99"))
            self.now += waits[-1]
        self.assertEqual(waits, [0, 0, 1, 2, 4, 8, 8, 8])
        self.assertEqual(delay_s(10**6, OF_ACCOUNT), OF_ACCOUNT.longest_s)

    def test_success_begins_anew_for_the_account_and_not_for_the_address(self) -> None:
        for number in range(6):
            self.fail(f"a{number}")
            self.now += self.wait_s("other")
        self.fail("a")
        self.now += self.wait_s()
        self.throttle.begin("a", "192.0.2.1").succeeded()
        self.assertEqual(self.wait_s("a", "192.0.2.2"), 0)
        self.fail("b")
        self.assertGreater(self.wait_s("c"), 0)

    def test_many_at_once_get_no_further_than_one_after_the_other(self) -> None:
        self.fail()
        begun = 0
        for _ in range(50):
            try:
                self.throttle.begin("a", "192.0.2.1")
            except TooManyRequests:
                continue
            begun += 1
        self.assertEqual(begun, 2)

    def test_many_right_ones_at_once_are_let_in(self) -> None:
        for attempt in [self.throttle.begin("a", "192.0.2.1") for _ in range(50)]:
            attempt.succeeded()
        self.assertEqual(self.wait_s(), 0)

    def test_what_is_long_ago_is_forgotten(self) -> None:
        for _ in range(3):
            self.fail()
        self.now += FORGET_S + 1
        self.fail()
        self.assertEqual(self.wait_s(), 0)

    def test_a_clock_set_back_makes_nobody_wait_longer(self) -> None:
        for _ in range(3):
            self.fail()
        self.now -= 10_000
        self.assertEqual(self.wait_s(), 1)

    def test_a_network_of_ipv6_is_one_address(self) -> None:
        for number in range(5):
            self.fail(f"a{number}", f"2001:db8::{number:x}")
        self.assertEqual(self.wait_s("b", "2001:db8::ffff"), 1)
        self.assertEqual(self.wait_s("b", "2001:db8:0:1::1"), 0)
        for number in range(5):
            self.fail(f"b{number}", "::ffff:192.0.2.7")
        self.assertEqual(self.wait_s("c", "192.0.2.7"), 1)

    def test_memory_is_bounded(self) -> None:
        for number in range(MOST_KNOWN + 10):
            self.fail(f"a{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        self.assertEqual([len(known) for known in self.throttle._known], [MOST_KNOWN] * 2)

    def test_figures(self) -> None:
        for _ in range(3):
            self.fail()
        self.wait_s()
        value = self.throttle.registry.get_sample_value
        self.assertEqual(value("synnefo_logins_failed_total"), 3)
        self.assertEqual(value("synnefo_logins_refused_total", {"limit": "account"}), 1)


class LoginLimitTests(SynchronousTestCase):
    """
    Over HTTP, as clients see it.
    """

    def setUp(self) -> None:
        self.cloud = identity_cloud(self, limits=(OF_ACCOUNT, OF_ADDRESS))

    def wrong(self, name: str) -> Answer:
        return self.cloud.login(name, password="wrong")

    def test_after_some_wrong_ones_a_client_is_told_to_wait(self) -> None:
        """
        For a user who exists and for one who does not.
        """
        for name in ("alice", "nobody"):
            codes = [self.wrong(name).code for _ in range(6)]
            self.assertEqual((name, codes), (name, [401] * 5 + [429]))
            answer = self.wrong(name)
            self.assertEqual(answer.header("Retry-After"), "1")
            self.assertEqual(answer.json["error"]["title"], "Too Many Requests")
        self.assertEqual(self.cloud.login("alice").code, 429)
        self.assertEqual(self.cloud.login("bob").code, 201)
        self.cloud.now += 1
        self.assertEqual(self.cloud.login("alice").code, 201)

    def test_one_address_that_tries_many_accounts_waits_too(self) -> None:
        codes = [self.wrong(f"user{number}").code for number in range(21)]
        self.assertEqual(codes, [401] * 20 + [429])
        self.assertEqual(self.cloud.login("bob").code, 429)

    def test_a_scope_that_is_not_held_counts_as_no_wrong_secret(self) -> None:
        for _ in range(8):
            self.assertEqual(self.cloud.login("alice", {"project": {"id": "p2"}}).code, 401)
        self.assertEqual(self.cloud.login("alice").code, 201)

    def test_another_worker_holds_back_what_the_database_tells(self) -> None:
        """
        In the words of a wrong password: only for users who exist there is anything to tell.
        """
        for _ in range(6):
            self.wrong("alice")
        self.assertEqual(self.cloud.write(find_user, "u-alice").failed_logins, 5)
        other = self.another_worker()
        self.assertEqual(other.login("alice").code, 401)
        other.now += 2
        self.assertEqual(other.login("alice").code, 201)

    def another_worker(self) -> Any:
        first = self.cloud
        return type(first)(self, first.database, first.keys, now=first.now)


class CountedPasswords:
    """
    Passwords that count how often they are checked.
    """

    def __init__(self) -> None:
        self.checked = 0

    async def verify(self, known_hash: str | None, password: str | None) -> bool:
        self.checked += 1
        return await PASSWORDS.verify(known_hash, password)


class HeldWrites:
    """
    A database whose writes wait until they are let go.
    """

    def __init__(self, real: Database) -> None:
        self.read = real.read
        self._real = real
        self.held: list[Deferred[None]] = []

    async def write(self, unit: Any, *args: Any) -> Any:
        self.held.append(Deferred())
        await self.held[-1]
        return await self._real.write(unit, *args)


class TimingTests(SynchronousTestCase):
    """
    What an answer waits for, counted and not timed.
    """

    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.passwords = CountedPasswords()
        self.database: Any = HeldWrites(self.cloud.database)
        policy = SecurityCompliance(lockout_failure_attempts=1)
        self.gate = PasswordGate(
            self.database,
            self.passwords,  # type: ignore[arg-type]  # what is used of it is there
            self.cloud.clock,
            policy,
            Throttle(self.cloud.clock),
        )

    def show(self, user_id: str, password: str | None) -> Deferred[bool]:
        user = self.cloud.write(find_user, user_id)
        wanted = Wanted(user_id, None, None)
        return Deferred.fromCoroutine(self.gate.right(wanted, user, password, "192.0.2.1"))

    def test_whoever_is_asked_for_one_hash_is_computed_and_no_write_waited_for(self) -> None:
        for number, (user_id, password) in enumerate(
            (("u-alice", "wrong"), ("u-nobody", "wrong"), ("u-bob", None), ("u-none", None)), 1
        ):
            self.assertFalse(self.successResultOf(self.show(user_id, password)))
            self.assertEqual((user_id, self.passwords.checked), (user_id, number))
        self.assertEqual(len(self.database.held), 2)

    def test_a_locked_account_costs_the_same(self) -> None:
        self.successResultOf(self.show("u-alice", "wrong"))
        self.database.held[0].callback(None)
        self.assertFalse(self.successResultOf(self.show("u-alice", SECRETS["alice"])))
        self.assertEqual(self.passwords.checked, 2)

    def test_a_failure_that_is_not_written_yet_counts_for_the_next_attempt(self) -> None:
        self.successResultOf(self.show("u-alice", "wrong"))
        again = self.show("u-alice", SECRETS["alice"])
        self.assertNoResult(again)
        self.database.held[0].callback(None)
        self.assertFalse(self.successResultOf(again))

    def test_a_write_that_fails_is_logged_and_locks_nobody_out(self) -> None:
        self.successResultOf(self.show("u-alice", "wrong"))
        self.database.held[0].errback(OSError("the disk is full"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertTrue(self.successResultOf(self.show("u-alice", SECRETS["alice"])))

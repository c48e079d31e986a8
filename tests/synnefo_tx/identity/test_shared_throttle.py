"""
Wrong log-ins that several workers count together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import TooManyRequests
from synnefo_tx.identity.rows.attempt_tables import wrong_log_ins
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.shared_throttle import EVERY_S, SharedThrottle
from synnefo_tx.identity.throttle import FORGET_S, LETTERS, LOG_INS, Throttle
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from tests.live.postgresql import shared_server
from tests.synnefo_tx.identity.cloud import START

KEY = b"0" * 43 + b"="


class Broken(Exception):
    """
    The database is away.
    """


class Worker:
    """
    A throttle and what tells it of the others' failures.
    """

    def __init__(self, database: Database, clock: Clock, kinds: str = LOG_INS) -> None:
        self.throttle = Throttle(
            clock.seconds, Limits(5, 64), Limits(20, 300), mark=SecretBox([KEY]).mark, kinds=kinds
        )
        self.shared = SharedThrottle(self.throttle, database, clock.seconds, clock)


class SharedThrottleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)
        self.workers = [Worker(self.database, self.clock) for _ in range(3)]
        self.address = 0

    def make_database(self) -> Database:
        return immediate_database(Path(self.mktemp()).absolute())

    def tell(self, *workers: Worker) -> None:
        for worker in workers or (*self.workers, *self.workers):
            self.successResultOf(Deferred.fromCoroutine(worker.shared.once()))

    def wrong(self, worker: int, account: str = "a", address: str = "") -> None:
        self.address += 1
        address = address or f"192.0.2.{self.address}"
        self.workers[worker].throttle.begin(account, address).failed()

    def wait_s(self, worker: int, account: str = "a", address: str = "198.51.100.1") -> int:
        """
        0 when an attempt may be made.
        """
        try:
            self.workers[worker].throttle.begin(account, address).dropped()
        except TooManyRequests as error:
            return error.retry_after_s
        return 0

    def rows(self) -> list[Any]:
        with self.database.engine.connect() as connection:
            return list(connection.execute(select(wrong_log_ins)))

    def test_those_of_all_count(self) -> None:
        """
        For accounts and for addresses.
        """
        for worker in (0, 1, 2, 0, 1):
            self.wrong(worker)
        self.assertEqual([self.wait_s(n) for n in range(3)], [0, 0, 0])
        self.tell()
        self.assertEqual([self.wait_s(n) for n in range(3)], [1, 1, 1])
        for number in range(20):
            self.wrong(number % 3, f"other {number}", "203.0.113.9")
        self.tell()
        waits = [self.wait_s(n, f"new {n}", "203.0.113.9") for n in range(3)]
        self.assertEqual(waits, [1, 1, 1])

    def test_each_kind_counts_its_own(self) -> None:
        """Letters that are asked for are no wrong log-ins, and neither learns of the other's."""
        letters = [Worker(self.database, self.clock, LETTERS) for _ in range(2)]
        for _ in range(5):
            self.wrong(0)
        letters[0].throttle.begin("b", "198.51.100.2").failed()
        self.tell(*self.workers, *letters, *self.workers, *letters)
        for throttle, known in ((self.workers[1].throttle, [1, 5]), (letters[1].throttle, [1, 1])):
            self.assertEqual([len(one) for one in throttle._known], known)
        letters[1].throttle.begin("a", "198.51.100.1").dropped()

    def test_told_again_they_count_once(self) -> None:
        for _ in range(4):
            self.wrong(0)
        for _ in range(5):
            self.tell()
        self.assertEqual(self.wait_s(1), 0)

    def test_what_is_not_told_yet_counts_with_what_is(self) -> None:
        for _ in range(3):
            self.wrong(0)
        self.tell(self.workers[0])
        for _ in range(2):
            self.wrong(1)
        taken = self.workers[1].throttle.take_changes()  # under way to the database ...
        self.workers[1].throttle.give_back(taken)  # ... which is away
        self.tell(self.workers[1], self.workers[1])
        self.assertEqual(self.wait_s(1), 1)

    def test_a_right_password_begins_anew_everywhere(self) -> None:
        """
        Of wrong ones before and after it, those after count.
        """
        for _ in range(4):
            self.wrong(0)
        self.tell()
        self.workers[1].throttle.begin("a", "192.0.2.200").succeeded()
        for _ in range(4):
            self.wrong(1)
        self.tell()
        self.assertEqual([self.wait_s(n) for n in range(3)], [0, 0, 0])
        self.wrong(2)
        self.tell()
        self.assertEqual([self.wait_s(n) for n in range(3)], [1, 1, 1])

    def test_a_new_worker_learns_all(self) -> None:
        for _ in range(5):
            self.wrong(0)
        self.tell()
        self.clock.advance(60)
        self.wrong(0)
        self.tell(self.workers[0])
        late = Worker(self.database, self.clock)
        self.workers.append(late)
        self.tell(late)
        self.assertEqual(self.wait_s(3), 2)

    def test_what_is_long_ago_is_forgotten(self) -> None:
        for _ in range(5):
            self.wrong(0)
        self.tell()
        self.clock.advance(FORGET_S + 1)
        self.wrong(0)
        self.tell()
        self.assertEqual([self.wait_s(n) for n in range(3)], [0, 0, 0])
        self.assertEqual(min(row.failures for row in self.rows()), 1)

    def test_no_name_and_no_address_is_written_down(self) -> None:
        """
        Nor anything from which a guess could be checked without the key.
        """
        self.wrong(0, "my password")
        self.tell()
        marks = [row.mark for row in self.rows()]
        self.assertEqual(len(marks), 2)
        other = SecretBox([b"1" * 43 + b"="])
        self.assertNotIn("a" + other.mark("amy password"), marks)
        self.assertIn("a" + SecretBox([KEY]).mark("amy password"), marks)

    def test_a_database_that_is_away_forgets_nothing(self) -> None:
        """
        It is told when it is back.
        """
        worker = self.workers[0]
        worker.shared.startService()

        async def away(*_args: Any) -> Any:
            raise Broken

        real, self.database.write = self.database.write, away  # type: ignore[method-assign, assignment]
        for _ in range(5):
            self.wrong(0)
        self.clock.advance(EVERY_S)
        self.assertTrue(self.flushLoggedErrors(Broken))
        self.database.write = real  # type: ignore[method-assign]
        self.tell(worker, self.workers[1])
        self.assertEqual(self.wait_s(1), 1)
        self.successResultOf(worker.shared.stopService())

    def test_who_stops_tells_the_rest(self) -> None:
        self.workers[0].shared.startService()
        for _ in range(5):
            self.wrong(0)
        self.successResultOf(self.workers[0].shared.stopService())
        self.tell(self.workers[1])
        self.assertEqual(self.wait_s(1), 1)


class PostgresqlSharedThrottleTests(SharedThrottleTests):
    def make_database(self) -> Database:
        return immediate_database(shared_server().new_database())

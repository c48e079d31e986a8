"""
Of several processes one holds a lease.
"""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.store.database import open_engine
from synnefo_tx.store.leases import give_back, leases, take
from tests.live.postgresql import shared_server


class LeaseTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.engine = open_engine(self.url())
        self.addCleanup(self.engine.dispose)
        leases.create(self.engine)

    def url(self) -> str:
        return f"sqlite:///{Path(self.mktemp()).absolute()}"

    def do(self, unit: Any, *args: Any) -> Any:
        with (
            self.engine.connect().execution_options(synnefo_write=True) as connection,
            connection.begin(),
        ):
            return unit(connection, *args)

    def take(self, holder: str, now: int) -> bool:
        return bool(self.do(take, "chores", holder, now, 60))

    def try_it(self, got: list[bool], who: str, now: int) -> None:
        got.append(self.take(who, now))

    def test_one_has_it_until_it_ends(self) -> None:
        self.assertTrue(self.take("a", 1000))
        self.assertFalse(self.take("b", 1059))
        self.assertTrue(self.take("b", 1060))
        self.assertFalse(self.take("a", 1061))

    def test_its_holder_makes_it_longer(self) -> None:
        self.take("a", 1000)
        self.assertTrue(self.take("a", 1050))
        self.assertFalse(self.take("b", 1060))

    def test_given_back_it_is_free(self) -> None:
        self.take("a", 1000)
        self.do(give_back, "chores", "b")
        self.assertFalse(self.take("b", 1001))
        self.do(give_back, "chores", "a")
        self.assertTrue(self.take("b", 1001))

    def test_of_many_at_once_one_gets_it(self) -> None:
        """
        Of those that make it, and of those that find one that has ended.
        """
        for now in (1000, 2000):
            got: list[bool] = []
            threads = [Thread(target=self.try_it, args=(got, who, now)) for who in "abcdef"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(got), [False] * 5 + [True])


class PostgresqlLeaseTests(LeaseTests):
    def url(self) -> str:
        return shared_server().new_database()

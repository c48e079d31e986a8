"""
Commissions that nobody resolves are seen by who watches the cloud.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import generate_latest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.http.metrics import Metrics
from synnefo_tx.processes.old_commissions import DAY_S, EVERY_S, OldCommissions
from synnefo_tx.quota.model import Provision, Wanted, member_key
from synnefo_tx.quota.registered import VM
from synnefo_tx.quota.rows import commissions, resources
from tests.synnefo_tx.identity.cloud import identity_cloud


class OldCommissionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.cloud.write(resources.ensure)
        self.clock = Clock()
        self.clock.advance(1_900_000_000)
        self.metrics = Metrics()
        database: Any = self.cloud.database
        self.watch = OldCommissions(database, self.clock.seconds, self.metrics, self.clock)
        self.watch.startService()
        self.addCleanup(self.watch.stopService)

    def told(self, name: str) -> float:
        self.clock.advance(EVERY_S)
        lines = generate_latest(self.metrics.registry).decode().splitlines()
        [line] = [one for one in lines if one.startswith(f"{name} ")]
        return float(line.split()[1])

    def issue(self) -> int:
        one = Provision(member_key("u-alice", "p1", VM), 1)
        now_us = int(self.clock.seconds() * 1e6)
        return int(self.cloud.write(commissions.issue, Wanted("u-pithos", [one]), now_us))

    def test_those_older_than_a_day(self) -> None:
        self.assertEqual(self.told("synnefo_commissions_oldest_age_seconds"), 0)
        serial = self.issue()
        self.assertEqual(self.told("synnefo_commissions_forgotten"), 0)
        self.clock.advance(DAY_S - EVERY_S)
        self.issue()
        self.assertEqual(self.told("synnefo_commissions_forgotten"), 1)
        age = self.told("synnefo_commissions_oldest_age_seconds")
        self.assertEqual(age, DAY_S + 2 * EVERY_S)
        self.cloud.write(
            commissions.resolve_one, "u-pithos", serial, False, int(self.clock.seconds() * 1e6)
        )
        self.assertEqual(self.told("synnefo_commissions_forgotten"), 0)

    def test_a_database_that_is_away(self) -> None:
        """
        What was known is told, and it is looked at again.
        """
        self.issue()
        self.clock.advance(DAY_S + EVERY_S)
        real = self.cloud.database.read

        async def away(*_args: Any) -> Any:
            raise OSError

        self.cloud.database.read = away  # type: ignore[method-assign, assignment]
        self.assertEqual(self.told("synnefo_commissions_forgotten"), 1)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.cloud.database.read = real  # type: ignore[method-assign]
        self.issue()
        self.assertEqual(self.told("synnefo_commissions_forgotten"), 1)

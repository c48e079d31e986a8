"""
quota-verify and the reconciliations: what they find, and what fixing does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select, update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.network.rows.tables import port_addresses, ports
from synnefo_tx.quota.model import Holding, Key, Payer, Provision, Wanted, member_key, project_key
from synnefo_tx.quota.registered import CPU, NETWORK, PORT, SUBNET, TOTAL_CPU, VM
from synnefo_tx.quota.rows import commissions
from synnefo_tx.quota.rows.commissions import Resolved
from synnefo_tx.quota.rows.holdings import held, take
from synnefo_tx.quota.rows.tables import holdings
from synnefo_tx.quota.rows.verify import (
    Found,
    quota_verify,
    reconcile_commissions,
    reconcile_resources,
)
from synnefo_tx.quota.services import SERVICES
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from tests.live.postgresql import shared_server
from tests.synnefo_tx.a_server import PAYER, begin_server, stand


def spoil(connection: Connection, key: Key, **values: int) -> None:
    """Change a holding behind everybody's back."""
    this = (
        holdings.c.holder == key.holder,
        holdings.c.source == key.source,
        holdings.c.resource == key.resource,
    )
    connection.execute(update(holdings).where(*this).values(**values))


class VerifyTests(SynchronousTestCase):
    """A cloud with a network and a server, all charged as they should be."""

    def make_database(self) -> Database:
        return immediate_database(Path(self.mktemp()))

    def setUp(self) -> None:
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)
        self.write(stand)
        self.write(take, Payer("", "p1"), {NETWORK: 1, SUBNET: 1})
        self.write(begin_server)

    def write(self, unit: Any, *args: Any, **more: Any) -> Any:
        waiting = Deferred.fromCoroutine(self.database.write(unit, *args, **more))
        return self.successResultOf(waiting)

    def issue(self, quantity: int, at_us: int = 100) -> int:
        asked = [Provision(key, quantity) for key in PAYER.keys(VM)]
        return int(self.write(commissions.issue, Wanted("cyclades", asked), at_us))

    def reconcile(self, *, fix: bool = False) -> list[Found]:
        found: list[Found] = self.write(reconcile_resources, SERVICES, fix=fix)
        return found

    def test_nothing_is_wrong(self) -> None:
        """Also while something is pending, both ways."""
        self.issue(2)
        self.issue(-1)
        self.assertEqual(self.write(quota_verify), [])
        self.assertEqual(self.reconcile(), [])

    def test_a_wrong_limit(self) -> None:
        """Is found, left alone, and fixed when asked to."""
        key = project_key("p1", VM)
        self.write(spoil, key, limit=3)
        wrong = [Found(key, "limit", 3, 20)]
        self.assertEqual(self.write(quota_verify, ["p2"]), [])
        self.assertEqual(self.write(quota_verify, ["p1"]), wrong)
        self.assertEqual(self.write(quota_verify, fix=True), wrong)
        self.assertEqual(self.write(quota_verify), [])
        self.assertEqual(self.write(held, "p1")[VM], Holding(20, 1))

    def test_a_wrong_pending_amount(self) -> None:
        """What no commission waits for is not held back."""
        self.issue(2)
        key = project_key("p1", VM)
        self.write(spoil, key, usage_max=9)
        wrong = [Found(key, "pending", 8, 2)]
        self.assertEqual(self.write(quota_verify, fix=True), wrong)
        self.assertEqual(self.write(held, "p1")[VM], Holding(20, 3, 2))

    def test_wrong_use(self) -> None:
        """Too much, too little and for nobody."""
        much, little = project_key("p1", VM), member_key("u1", "p1", TOTAL_CPU)
        stranger = project_key("p9", PORT)
        self.write(take, Payer("", "p9"), {PORT: 4})
        self.write(spoil, much, usage_min=6, usage_max=6)
        self.write(spoil, little, usage_min=-1, usage_max=-1)
        wrong = [
            Found(much, "usage", 6, 1),
            Found(stranger, "usage", 4, 0),
            Found(little, "usage", -1, 1),
        ]
        self.assertCountEqual(self.reconcile(), wrong)
        self.assertCountEqual(self.reconcile(fix=True), wrong)
        self.assertEqual(self.reconcile(), [])
        self.assertEqual(self.write(held, "p9")[PORT], Holding(500, 0))

    def test_what_is_pending_stays_pending(self) -> None:
        """Fixing counts it on top of what the rows use."""
        one, two = self.issue(3), self.issue(-1)
        key = project_key("p1", VM)
        self.write(spoil, key, usage_min=10, usage_max=14)
        self.assertEqual(self.reconcile(fix=True), [Found(key, "usage", 11, 1)])
        self.assertEqual(self.write(held, "p1")[VM], Holding(20, 4, 4))
        self.write(commissions.resolve, "cyclades", [one], [two], 200)
        self.assertEqual(self.write(held, "p1")[VM], Holding(20, 4))

    def test_a_holding_that_is_missing(self) -> None:
        """Is made."""
        key = member_key("u1", "p1", VM)
        self.write(lambda c: c.execute(delete(holdings).where(holdings.c.holder == "user:u1")))
        self.assertIn(Found(key, "usage", 0, 1), self.reconcile(fix=True))
        self.assertEqual(self.reconcile(), [])

    def test_rows_are_what_counts(self) -> None:
        """A port that is gone is not held; a server that does not run holds no processor."""
        for table in (port_addresses, ports):
            self.write(lambda c, t=table: c.execute(delete(t)))
        reserved = self.write(lambda c: c.execute(select(servers)).one()).reserved
        less = {
            name: many for name, many in reserved.items() if not name.endswith((".cpu", ".ram"))
        }
        self.write(lambda c: c.execute(update(servers).values(reserved=less)))
        found = {one.key: one.due for one in self.reconcile(fix=True)}
        for key in (*PAYER.keys(PORT), *PAYER.keys(CPU)):
            self.assertEqual(found.pop(key), 0)
        self.assertEqual(len(found), 2)
        self.assertEqual(self.write(held, "p1")[PORT].used, 0)

    def test_commissions_that_nobody_resolved(self) -> None:
        """Old ones: what the client accepted is accepted, the others are rejected."""
        lost, kept, young = self.issue(1), self.issue(2), self.issue(4, at_us=900)
        args = ("cyclades", [kept, young, 77], 500, 1000)
        verdict = Resolved(accepted=[kept], rejected=[lost])
        self.assertEqual(self.write(reconcile_commissions, *args), verdict)
        self.assertEqual(self.write(commissions.pending, "cyclades"), [lost, kept, young])
        self.assertEqual(self.write(reconcile_commissions, *args, fix=True), verdict)
        self.assertEqual(self.write(commissions.pending, "cyclades"), [young])
        self.assertEqual(self.write(held, "p1")[VM], Holding(20, 7, 4))


class PostgresqlVerifyTests(VerifyTests):
    """The same on PostgreSQL."""

    def make_database(self) -> Database:
        return immediate_database(shared_server().new_database())

"""
Commissions: what is asked for, and what becomes of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.errors import (
    NoCapacityError,
    NoCommission,
    NoHoldingError,
    NoQuantityError,
    OverLimit,
)
from synnefo_tx.quota.model import (
    Holding,
    Key,
    Payer,
    Provision,
    Wanted,
    member_key,
    project_key,
)
from synnefo_tx.quota.registered import TOTAL_CPU, VM
from synnefo_tx.quota.rows import commissions
from synnefo_tx.quota.rows.commissions import Resolved
from synnefo_tx.quota.rows.holdings import held, held_by
from synnefo_tx.quota.rows.limits import set_limits, set_project_limits
from synnefo_tx.quota.rows.tables import provision_log
from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.store.schema import create_all
from tests.live.postgresql import shared_server

ANN = Payer("ann", "p")
NOW_US = 5_000_000
CLIENT = "cyclades"


def of(payer: Payer, resource: str, quantity: int) -> list[Provision]:
    """One change, for the user and for the project."""
    return [Provision(key, quantity) for key in payer.keys(resource)]


class CommissionTests(SynchronousTestCase):
    """One client, one project with 20 servers and 40 processors."""

    def make_database(self) -> Database:
        return immediate_database(Path(self.mktemp()))

    def setUp(self) -> None:
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)

    def write(self, unit: Any, *args: Any, **more: Any) -> Any:
        waiting = Deferred.fromCoroutine(self.database.write(unit, *args, **more))
        return self.successResultOf(waiting)

    def refused(self, kind: type[Exception], unit: Any, *args: Any) -> Any:
        return self.failureResultOf(
            Deferred.fromCoroutine(self.database.write(unit, *args)), kind
        ).value

    def issue(self, provisions: list[Provision], **more: Any) -> int:
        wanted = Wanted(CLIENT, provisions, **more)
        return int(self.write(commissions.issue, wanted, NOW_US))

    def resolve(self, accept: list[int], reject: list[int], client: str = CLIENT) -> Resolved:
        found: Resolved = self.write(commissions.resolve, client, accept, reject, NOW_US + 1)
        return found

    def servers(self) -> tuple[Holding, Holding]:
        """What the project and what the user hold."""
        return self.write(held, "p")[VM], self.write(held_by, ANN)[VM]

    def test_pending_counts_and_accepting_settles(self) -> None:
        """Both holdings, both phases."""
        serial = self.issue(of(ANN, VM, 3))
        self.assertEqual(self.servers(), (Holding(20, 3, 3), Holding(20, 3, 3)))
        self.assertEqual(self.resolve([serial], []), Resolved(accepted=[serial]))
        self.assertEqual(self.servers(), (Holding(20, 3), Holding(20, 3)))

    def test_rejecting_restores(self) -> None:
        """Of what was to be taken and of what was to be given back."""
        self.issue(of(ANN, VM, 5), accept=True)
        taking, giving = self.issue(of(ANN, VM, 2)), self.issue(of(ANN, VM, -4))
        self.assertEqual(self.servers()[0], Holding(20, 7, 6))
        self.resolve([], [taking, giving])
        self.assertEqual(self.servers(), (Holding(20, 5), Holding(20, 5)))

    def test_what_is_to_be_given_back_is_used_until_then(self) -> None:
        """Nobody else can take it before it is accepted."""
        self.issue(of(ANN, VM, 20), accept=True)
        giving = self.issue(of(ANN, VM, -1))
        more = Wanted(CLIENT, of(ANN, VM, 1))
        self.refused(NoCapacityError, commissions.issue, more, NOW_US)
        self.resolve([giving], [])
        self.issue(of(ANN, VM, 1))

    def test_over_the_limit(self) -> None:
        """The whole commission is refused, with its data, and nothing is charged."""
        asked = [*of(ANN, TOTAL_CPU, 1), *of(ANN, VM, 21)]
        error = self.refused(OverLimit, commissions.issue, Wanted(CLIENT, asked), NOW_US)
        told = {"holder": "project:p", "source": None, "resource": VM, "quantity": 21}
        self.assertEqual(
            error.data, {"name": "NoCapacityError", "provision": told, "limit": 20, "usage": 0}
        )
        self.assertEqual(self.write(held, "p")[TOTAL_CPU].used, 0)
        self.assertEqual(self.write(commissions.pending, CLIENT), [])

    def test_force(self) -> None:
        """Passes limits, and gives back no more than there is even so."""
        self.issue(of(ANN, VM, 25), force=True, accept=True)
        self.assertEqual(self.servers()[0], Holding(20, 25))
        wanted = Wanted(CLIENT, of(ANN, VM, -26), force=True)
        self.refused(NoQuantityError, commissions.issue, wanted, NOW_US)

    def test_quantities_for_one_holding_are_added_up(self) -> None:
        """More in between than the limit, less in the end."""
        serial = self.issue([*of(ANN, VM, 25), *of(ANN, VM, -10)])
        self.assertEqual(self.servers()[0], Holding(20, 15, 15))
        _, asked = self.write(commissions.find, CLIENT, serial)
        self.assertEqual(sorted(one.quantity for one in asked), [15, 15])

    def test_reassigning_is_one_commission(self) -> None:
        """From one project to another, or not at all."""
        other = Payer("ann", "q")
        self.issue(of(ANN, VM, 4), accept=True)
        self.write(set_project_limits, "q", {VM: 3})
        moved = [*of(ANN, VM, -4), *of(other, VM, 4)]
        wanted = Wanted(CLIENT, moved, accept=True)
        self.refused(NoCapacityError, commissions.issue, wanted, NOW_US)
        self.assertEqual(self.servers()[0], Holding(20, 4))
        self.write(set_project_limits, "q", {VM: 4})
        self.write(commissions.issue, wanted, NOW_US)
        self.assertEqual(self.servers()[0], Holding(20, 0))
        self.assertEqual(self.write(held, "q")[VM], Holding(4, 4))

    def test_many_at_once(self) -> None:
        """Each has its answer; one that is to be both accepted and rejected stays."""
        one, two, three = (self.issue(of(ANN, VM, 1)) for _ in range(3))
        self.assertEqual(
            self.resolve([one, three, 999], [two, three]),
            Resolved(accepted=[one], rejected=[two], missing=[999], conflicting=[three]),
        )
        self.assertEqual(self.write(commissions.pending, CLIENT), [three])
        self.assertEqual(self.servers()[0], Holding(20, 2, 1))

    def test_clients_see_their_own_only(self) -> None:
        """Another's are as if they were not there."""
        serial = self.issue(of(ANN, VM, 1))
        self.assertEqual(self.write(commissions.pending, "pithos"), [])
        self.assertEqual(self.resolve([serial], [], "pithos"), Resolved(missing=[serial]))
        self.refused(NoCommission, commissions.find, "pithos", serial)
        self.assertEqual(self.write(commissions.pending, CLIENT), [serial])

    def test_a_resolved_one_is_gone_for_good(self) -> None:
        """It can't be resolved twice, and its serial is not given again."""
        serial = self.issue(of(ANN, VM, 1))
        self.resolve([serial], [])
        self.refused(NoCommission, commissions.resolve_one, CLIENT, serial, False, NOW_US)
        self.assertGreater(self.issue(of(ANN, VM, 1)), serial)

    def test_the_log_tells_what_became_of_each(self) -> None:
        """With the holding as it was then."""
        serial = self.issue(of(Payer("", "p"), VM, 2), name="two servers")
        self.resolve([], [serial])
        rows = self.write(lambda c: c.execute(select(provision_log)).mappings().all())
        (row,) = [{name: row[name] for name in row if name != "id"} for row in rows]
        self.assertEqual(
            row,
            {
                "serial": serial,
                "client": CLIENT,
                "name": "two servers",
                "issued_at": NOW_US,
                "logged_at": NOW_US + 1,
                "holder": "project:p",
                "source": "",
                "resource": VM,
                "limit": 20,
                "usage_min": 0,
                "usage_max": 0,
                "quantity": 2,
                "reason": "REJECT:",
            },
        )

    def test_unknown_resources_and_strangers(self) -> None:
        """There is no such holding."""
        unknown = Wanted(CLIENT, [Provision(project_key("p", "tea.pots"), 1)])
        self.refused(NoHoldingError, commissions.issue, unknown, NOW_US)
        wanted = Wanted(CLIENT, of(ANN, VM, 1))
        nobody = lambda _c, _keys: set()  # noqa: E731
        self.refused(NoHoldingError, commissions.issue, wanted, NOW_US, nobody)


class PostgresqlCommissionTests(CommissionTests):
    """The same on PostgreSQL."""

    def make_database(self) -> Database:
        return immediate_database(shared_server().new_database())


class Quotaholder(RuleBasedStateMachine):
    """Any commissions in any order, beside sums kept in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_engine("sqlite://")
        create_all(self.engine)
        self.connection = self.engine.connect()
        self.payers = (Payer("a", "p"), Payer("b", "p"))
        self.settled: dict[Key, int] = {}
        self.waiting: dict[int, list[Provision]] = {}
        set_limits(self.connection, "p", {VM: (6, 8)})

    def teardown(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def sums(self, key: Key) -> tuple[int, int, int]:
        """What is settled, what is to be taken and what is to be given back."""
        asked = [p.quantity for ones in self.waiting.values() for p in ones if p.key == key]
        takes = sum(quantity for quantity in asked if quantity > 0)
        gives = -sum(quantity for quantity in asked if quantity < 0)
        return self.settled.get(key, 0), takes, gives

    def limit(self, key: Key) -> int:
        return 6 if key.source else 8

    @rule(who=st.integers(0, 1), quantity=st.integers(-4, 5), force=st.booleans())
    def issue(self, who: int, quantity: int, force: bool) -> None:
        asked = of(self.payers[who], VM, quantity)
        fits = all(self.fits(one, force) for one in asked)
        try:
            wanted = Wanted(CLIENT, asked, force=force)
            with self.connection.begin_nested():
                serial = commissions.issue(self.connection, wanted, NOW_US)
        except OverLimit:
            assert not fits
        else:
            assert fits
            self.waiting[serial] = asked

    def fits(self, one: Provision, force: bool) -> bool:
        settled, takes, gives = self.sums(one.key)
        if one.quantity > 0:
            return force or settled + takes + one.quantity <= self.limit(one.key)
        return one.quantity == 0 or settled - gives + one.quantity >= 0

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), accepted=st.booleans())
    def resolve(self, data: Any, accepted: bool) -> None:
        serial = data.draw(st.sampled_from(sorted(self.waiting)))
        commissions.resolve_one(self.connection, CLIENT, serial, accepted, NOW_US)
        for one in self.waiting.pop(serial):
            if accepted:
                self.settled[one.key] = self.settled.get(one.key, 0) + one.quantity

    @invariant()
    def holdings_are_the_sums(self) -> None:
        project = held(self.connection, "p", [VM])[VM]
        settled, takes, gives = self.sums(project_key("p", VM))
        assert (project.used, project.pending) == (settled + takes, takes + gives)
        for payer in self.payers:
            member = held_by(self.connection, payer, [VM])[VM]
            settled, takes, gives = self.sums(member_key(payer.user_id, "p", VM))
            assert (member.used, member.pending) == (settled + takes, takes + gives)


class QuotaholderTests(SynchronousTestCase):
    """The quotaholder beside sums."""

    def test_holdings_are_the_sums_of_what_was_granted(self) -> None:
        """And no more is granted than the limits allow."""
        few = settings(max_examples=25, stateful_step_count=15, deadline=None)
        run_state_machine_as_test(Quotaholder, settings=few)

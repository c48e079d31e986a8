"""
Limits: who set them, whom they hold for, and what they leave alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.quota.model import NO_LIMIT, Holding, Payer
from synnefo_tx.quota.registered import PENDING_APP, REGISTERED, VM, Resource
from synnefo_tx.quota.rows.holdings import held, held_by, take
from synnefo_tx.quota.rows.limits import (
    forget_limits,
    set_defaults,
    set_limits,
    set_member_limits,
    set_project_limits,
)
from synnefo_tx.quota.rows.resources import ensure, listed, names_of_service
from synnefo_tx.quota.rows.tables import resources
from synnefo_tx.store.memory import immediate_database
from tests.synnefo_tx.identity.cloud import fill

ALICE, BOB = Payer("u-alice", "p1"), Payer("u-bob", "p1")


class LimitTests(SynchronousTestCase):
    """A project with two users, of whom one has taken two servers."""

    def setUp(self) -> None:
        self.database = immediate_database(Path(self.mktemp()))
        self.addCleanup(self.database.engine.dispose)
        self.write(fill)
        self.write(take, ALICE, {VM: 2})

    def write(self, unit: Any, *args: Any, **more: Any) -> Any:
        waiting = Deferred.fromCoroutine(self.database.write(unit, *args, **more))
        return self.successResultOf(waiting)

    def limits(self) -> tuple[int, int, int]:
        """Of the project, of alice who holds something, of bob who doesn't yet."""
        return (
            self.write(held, "p1")[VM].limit,
            self.write(held_by, ALICE)[VM].limit,
            self.write(held_by, BOB)[VM].limit,
        )

    def test_defaults(self) -> None:
        """Members have what the project leaves them."""
        self.assertEqual(self.limits(), (20, 20, 18))

    def test_limits_hold_for_those_who_come_later_too(self) -> None:
        """A member's limit is there before the member takes anything."""
        self.write(set_limits, "p1", {VM: (5, 10)})
        self.assertEqual(self.limits(), (10, 5, 5))
        self.write(set_member_limits, "u-bob", "p1", {VM: 7})
        self.assertEqual(self.limits(), (10, 5, 7))
        self.write(set_limits, "p1", {VM: (6, None)})
        self.assertEqual(self.limits(), (20, 6, 7))

    def test_forgotten_limits(self) -> None:
        """The defaults hold again."""
        self.write(set_limits, "p1", {VM: (5, 10)})
        self.write(set_member_limits, "u-alice", "p1", {VM: 1})
        self.write(forget_limits, "p1", [VM], "u-alice")
        self.assertEqual(self.limits(), (10, 5, 5))
        self.write(forget_limits, "p1", [VM])
        self.assertEqual(self.limits(), (20, 5, 5))

    def test_use_is_never_touched(self) -> None:
        """A limit below what is used leaves it as it is."""
        self.write(set_limits, "p1", {VM: (0, 0)})
        self.assertEqual(self.write(held, "p1")[VM], Holding(0, 2))
        self.write(set_project_limits, "p1", {VM: NO_LIMIT})
        self.assertEqual(self.write(held, "p1")[VM], Holding(NO_LIMIT, 2))

    def test_new_defaults(self) -> None:
        """They hold where nobody said anything else."""
        self.write(take, Payer("u-bob", "p2"), {VM: 1})
        self.write(set_project_limits, "p2", {VM: 3})
        self.write(set_defaults, VM, 1, 50)
        self.assertEqual(self.limits(), (50, 50, 48))
        self.assertEqual(self.write(held, "p2")[VM].limit, 3)

    def test_personal_projects_have_defaults_of_their_own(self) -> None:
        """Those whose id is a user's."""
        self.assertEqual(self.write(held, "u-alice")[PENDING_APP].limit, 3)
        self.assertEqual(self.write(held, "p1")[PENDING_APP].limit, 0)
        self.write(take, Payer("u-alice", "u-alice"), {PENDING_APP: 3})

    def test_unknown_resources(self) -> None:
        """Are a defect."""
        for unit, args in (
            (set_limits, ("p1", {"tea.pots": (1, 1)})),
            (set_defaults, ("tea.pots", 1, 1)),
        ):
            failed = Deferred.fromCoroutine(self.database.write(unit, *args))
            self.failureResultOf(failed, KeyError)


class ResourceTests(SynchronousTestCase):
    """What is registered at every start."""

    def setUp(self) -> None:
        self.database = immediate_database(Path(self.mktemp()))
        self.addCleanup(self.database.engine.dispose)
        self.connection = self.enterContext(self.database.engine.connect())

    def test_every_start_registers_the_same(self) -> None:
        """Once, however often it is done."""
        ensure(self.connection)
        self.assertEqual(
            [row.name for row in listed(self.connection)], sorted(one.name for one in REGISTERED)
        )

    def test_what_an_administrator_chose_stays(self) -> None:
        """New words are taken over, new resources added."""
        this = update(resources).where(resources.c.name == VM)
        self.connection.execute(this.values(project_default=7, ui_visible=False))
        ensure(self.connection, [Resource(VM, "Machines", 20), Resource("tea.pots", "Pots", 1)])
        rows = {row.name: row for row in listed(self.connection)}
        vm = rows[VM]
        self.assertEqual(
            (vm.description, vm.project_default, vm.ui_visible), ("Machines", 7, False)
        )
        self.assertEqual(rows["tea.pots"].service, "tea")

    def test_names_of_a_service(self) -> None:
        """Its own, or all."""
        self.assertEqual(names_of_service(self.connection, "astakos"), {PENDING_APP})
        self.assertEqual(len(names_of_service(self.connection, "admin")), len(REGISTERED))

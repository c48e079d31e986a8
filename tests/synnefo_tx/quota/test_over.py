"""
Those who come to use more than a limit allows, and the policy that is told.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from synnefo_tx.account.notices import Silence
from synnefo_tx.processes.chores import Chores
from synnefo_tx.quota.model import Payer, member_key, project_key
from synnefo_tx.quota.over import IOverQuota, MemoryPolicy, Move
from synnefo_tx.quota.policy_program import PolicyFailed, ProgramPolicy
from synnefo_tx.quota.registered import DISK, VM
from synnefo_tx.quota.rows import over
from synnefo_tx.quota.rows.holdings import give_back, take
from synnefo_tx.quota.rows.limits import set_limits, set_project_limits
from synnefo_tx.quota.rows.tables import holdings, over_quota
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from tests.live.postgresql import shared_server

ANN = Payer("ann", "p")
PROJECT, MEMBER = project_key("p", VM), member_key("ann", "p", VM)


class OverTests(SynchronousTestCase):
    """Ann uses three servers of the project."""

    def make_database(self) -> Database:
        return immediate_database(Path(self.mktemp()))

    def setUp(self) -> None:
        self.database = self.make_database()
        self.addCleanup(self.database.engine.dispose)
        self.write(take, ANN, {VM: 3, DISK: 7})
        self.policy = MemoryPolicy()
        self.chores = Chores(self.database, lambda: 5.0, 1, None, Silence(), None, self.policy)  # type: ignore[arg-type]  # who follows is not asked here

    def write(self, unit: Any, *args: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *args)))

    def told(self) -> list[Move]:
        """What the policy is told in the next round."""
        self.policy.told.clear()
        self.successResultOf(Deferred.fromCoroutine(self.chores._tell_over_quota()))
        return [move for moves in self.policy.told for move in moves]

    def test_nobody_is(self) -> None:
        """Not even who uses all."""
        self.write(set_project_limits, "p", {VM: 3})
        self.assertEqual(self.told(), [])

    def test_a_project_whose_limit_is_lowered(self) -> None:
        """It is told once, and once more when it is within the limit."""
        self.write(set_project_limits, "p", {VM: 2})
        self.assertEqual(self.told(), [Move(PROJECT, True, 2, 3)])
        self.assertEqual(self.told(), [])
        self.write(set_project_limits, "p", {VM: 1})
        self.assertEqual(self.told(), [])
        self.write(give_back, ANN, {VM: 2})
        self.assertEqual(self.told(), [Move(PROJECT, False, 1, 1)])
        self.assertEqual(self.told(), [])

    def test_a_member(self) -> None:
        """Beside the project, and by itself."""
        self.write(set_limits, "p", {VM: (1, 2)})
        both = [Move(PROJECT, True, 2, 3), Move(MEMBER, True, 1, 3)]
        self.assertEqual(self.told(), both)
        self.write(set_limits, "p", {VM: (1, None)})
        self.assertEqual(self.told(), [Move(PROJECT, False, 20, 3)])

    def test_who_has_no_limit_any_more(self) -> None:
        """Is within it; and so is who is gone."""
        self.write(set_limits, "p", {VM: (1, 2)})
        self.told()
        self.write(set_project_limits, "p", {VM: -1})
        self.write(lambda c: c.execute(holdings.delete().where(holdings.c.source != "")))
        expected = [Move(PROJECT, False, -1, 3), Move(MEMBER, False, -1, 0)]
        self.assertEqual(self.told(), expected)

    def test_a_policy_that_fails(self) -> None:
        """Is told again."""
        self.write(set_project_limits, "p", {VM: 2})
        self.policy.failure = ValueError("no")
        failed = Deferred.fromCoroutine(self.chores._tell_over_quota())
        self.failureResultOf(failed, ValueError)
        self.policy.failure = None
        self.assertEqual(self.told(), [Move(PROJECT, True, 2, 3)])

    def test_settled_twice(self) -> None:
        """As by two processes: the same as once."""
        self.write(set_project_limits, "p", {VM: 2})
        moves = self.write(over.moves)
        self.write(over.settle, moves, 5)
        self.write(over.settle, moves, 6)
        rows = self.write(lambda c: c.execute(select(over_quota)).all())
        self.assertEqual([(row.holder, row.told_at) for row in rows], [("project:p", 6)])

    def test_an_index_serves_the_question(self) -> None:
        """Holdings are not read whole for it."""
        with self.database.engine.connect() as connection:
            plan = self.plan(connection, over.came())
        self.assertIn("ix_holdings_over", plan)

    def plan(self, connection: Any, question: Any) -> str:
        asked = question.compile(connection, compile_kwargs={"literal_binds": True})
        return str(connection.execute(text(f"EXPLAIN QUERY PLAN {asked}")).all())


class PostgresqlOverTests(OverTests):
    """The same on PostgreSQL."""

    def make_database(self) -> Database:
        return immediate_database(shared_server().new_database())

    def plan(self, connection: Any, question: Any) -> str:
        connection.execute(text("SET enable_seqscan = off"))  # which a few rows are cheaper with
        asked = question.compile(connection, compile_kwargs={"literal_binds": True})
        return str(connection.execute(text(f"EXPLAIN {asked}")).all())


class ProgramTests(TestCase):
    """A program of the site's."""

    def policy(self, script: str, timeout_s: float = 60.0) -> ProgramPolicy:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        program = self.home / "policy"
        program.write_text(f"#!/bin/sh\ncd '{self.home}'\n{script}\n")
        program.chmod(0o700)
        return ProgramPolicy(reactor, str(program), timeout_s)

    def test_interfaces(self) -> None:
        """Both policies are ones."""
        for policy in (MemoryPolicy(), ProgramPolicy(None, "")):
            verifyObject(IOverQuota, policy)

    async def test_it_is_told(self) -> None:
        """Who moved, in JSON; without our environment."""
        os.environ["SNF_SECRET"] = "x"
        self.addCleanup(os.environ.pop, "SNF_SECRET")
        await self.policy("cat >told; env >env").moved(
            [Move(MEMBER, True, 1, 3), Move(PROJECT, False, -1, 0)]
        )
        self.assertEqual(
            json.loads((self.home / "told").read_text()),
            {
                "moves": [
                    {
                        "holder": "user:ann",
                        "source": "project:p",
                        "resource": VM,
                        "over": True,
                        "limit": 1,
                        "used": 3,
                    },
                    {
                        "holder": "project:p",
                        "source": None,
                        "resource": VM,
                        "over": False,
                        "limit": -1,
                        "used": 0,
                    },
                ]
            },
        )
        self.assertNotIn("SNF_SECRET", (self.home / "env").read_text())

    async def test_it_fails(self) -> None:
        """With its words."""
        failed = Deferred.fromCoroutine(self.policy("echo why >&2; exit 3").moved([]))
        error = await self.assertFailure(failed, PolicyFailed)
        self.assertIn("ended with 3: why", str(error))

    async def test_it_does_not_read(self) -> None:
        """That is its own affair."""
        many = [Move(PROJECT, True, 1, 3)] * 1000
        await self.policy("exit 0").moved(many)

    async def test_it_does_not_end(self) -> None:
        """It is killed, and what it left running keeps nobody waiting."""
        failed = Deferred.fromCoroutine(self.policy("exec sleep 60", 0.2).moved([]))
        await self.assertFailure(failed, PolicyFailed)
        await self.policy("sleep 5 & exit 0").moved([])

    async def test_it_is_not_there(self) -> None:
        """A failure as others."""
        absent = ProgramPolicy(reactor, "/nowhere/policy")
        await self.assertFailure(Deferred.fromCoroutine(absent.moved([])), PolicyFailed)

"""
What of projects ends real tokens, and what the audit log tells of it.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.account.model import Actor, Asked, Doing, Policy
from synnefo_tx.account.rows import applications, control, members
from synnefo_tx.account.rows.personal import ensure_personal
from synnefo_tx.audit.rows.tables import audit_log
from tests.synnefo_tx.account.project_cloud import ProjectCloud
from tests.synnefo_tx.identity.cloud import START, identity_cloud

ADMIN = Doing(Actor("u-admin", "default", is_admin=True), int(START * 1e6), 3600)
ALICE = evolve(ADMIN, actor=Actor("u-alice", "default"))
BOB = evolve(ADMIN, actor=Actor("u-bob", "default"))
PROJECT = "a" * 32


class TokenTests(SynchronousTestCase):
    """Alice owns the project, bob is a member, both have tokens for it and for another one."""

    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        end = int(START * 1e6) + 10**12
        asked = Asked(name="lab.org", end_at=end, join_policy=Policy.AUTO)
        number = self.cloud.write(applications.apply_for, ALICE, PROJECT, asked)
        self.cloud.write(applications.approve, ADMIN, number)
        self.number = self.cloud.write(members.join, BOB, PROJECT)
        scope = {"project": {"id": PROJECT}}
        self.inside = {name: self.cloud.token(name, scope) for name in ("alice", "bob")}
        self.elsewhere = self.cloud.token("bob", {"project": {"id": "p2"}})
        self.cloud.now += 2

    def good(self, token: str) -> bool:
        """Whether the token opens anything."""
        self.cloud.authenticator.look_again()
        return self.cloud.ask("GET", "/v3/auth/projects", token).code == 200

    def test_before(self) -> None:
        """All are good."""
        for token in (*self.inside.values(), self.elsewhere):
            self.assertTrue(self.good(token))

    def later(self) -> Doing:
        """By the administrator, now."""
        return evolve(ADMIN, now_us=int(self.cloud.now * 1e6))

    def test_suspended(self) -> None:
        """Everybody's tokens for the project end, no others; woken, new ones are given."""
        for action in ("suspend", "terminate"):
            self.cloud.write(control.control, self.later(), PROJECT, action)
            self.assertEqual([self.good(one) for one in self.inside.values()], [False, False])
            self.assertTrue(self.good(self.elsewhere))
        self.cloud.write(control.control, self.later(), PROJECT, "reinstate")
        self.cloud.now += 2
        self.assertTrue(self.good(self.cloud.token("bob", {"project": {"id": PROJECT}})))

    def test_left(self) -> None:
        """The leaver's tokens for the project end, nobody else's."""
        doing = evolve(BOB, now_us=int(self.cloud.now * 1e6))
        self.cloud.write(members.act, doing, self.number, "leave")
        self.assertFalse(self.good(self.inside["bob"]))
        self.assertTrue(self.good(self.inside["alice"]))
        self.assertTrue(self.good(self.elsewhere))

    def test_a_personal_project_is_a_scope(self) -> None:
        """Its user gets tokens for it, nobody else does."""
        self.cloud.write(ensure_personal, ADMIN, "u-bob", "default")
        scope = {"project": {"id": "u-bob"}}
        self.assertTrue(self.good(self.cloud.token("bob", scope)))
        self.assertEqual(self.cloud.login("alice", scope).code, 401)


class AuditTests(SynchronousTestCase):
    """Every change leaves its line."""

    def test_lines(self) -> None:
        """Who did what to which; a refused one leaves none."""
        cloud = ProjectCloud(self)
        project_id = cloud.approved(join_policy="auto")
        number = cloud.joined(project_id)
        cloud.member_act(number, "remove", "u-alice", "dust")
        cloud.act(project_id, "suspend", user="u-bob")
        with cloud.database.engine.connect() as connection:
            rows: list[Any] = list(connection.execute(select(audit_log).order_by(audit_log.c.id)))
        self.assertEqual(
            [(row.action, row.user_id, row.target_id) for row in rows],
            [
                ("account:apply_for_project", "u-alice", project_id),
                ("account:approve_project", "u-admin", project_id),
                ("account:join_project", "u-bob", project_id),
                ("account:remove_membership", "u-alice", str(number)),
            ],
        )
        self.assertEqual(rows[-1].details["reason"], "dust")

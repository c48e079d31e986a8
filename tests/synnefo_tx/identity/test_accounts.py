"""
Units of work on accounts.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.rows import accounts, logins
from synnefo_tx.identity.rows.accounts import NameTaken
from synnefo_tx.identity.rows.assignment_lists import Wanted, list_assignments
from tests.synnefo_tx.identity.cloud import identity_cloud


class AccountsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)

    def refused(self, unit: Any, *args: Any) -> str:
        failed = Deferred.fromCoroutine(self.cloud.database.write(unit, *args))
        return str(self.failureResultOf(failed, NameTaken).value)

    def test_a_project_name_is_unique_in_its_domain_only(self) -> None:
        self.assertEqual(
            self.refused(accounts.create_project, "new", "default", "one", ""),
            "Conflict occurred attempting to store project - it is not permitted to have two "
            "projects with either the same name or same id in the same domain: name is one, "
            "project id new.",
        )
        self.cloud.write(accounts.create_project, "new", "other", "two", "")

    def test_ids_and_other_names_are_unique(self) -> None:
        self.refused(accounts.create_project, "p1", "other", "fresh", "")
        self.refused(accounts.create_domain, "new", "Default")
        self.refused(accounts.create_user, "new", "default", "alice", "hash")
        self.refused(accounts.create_role, "new", "admin")

    def test_a_project_of_no_domain_is_a_defect_and_no_conflict(self) -> None:
        failed = Deferred.fromCoroutine(
            self.cloud.database.write(accounts.create_project, "new", "nowhere", "x", "")
        )
        self.failureResultOf(failed, IntegrityError)

    def test_what_was_created_is_found(self) -> None:
        made = self.cloud.write(accounts.create_user, "new", "other", "zoë", "hash", "p3")
        self.assertEqual(self.cloud.write(accounts.find_user, "new"), made)
        domain = self.cloud.write(partial(accounts.find_domain, name="Other"))
        self.assertEqual(domain, self.cloud.write(partial(accounts.find_domain, domain_id="other")))

    def test_assigning_twice_is_as_assigning_once(self) -> None:
        for _ in range(2):
            self.cloud.write(accounts.assign, "u-bob", "p1", "role-member")
        held = self.cloud.write(
            list_assignments, Wanted("u-bob", target_kind="project", target_id="p1")
        )
        self.assertEqual([one.role.name for one in held], ["member"])
        self.assertEqual(held[0].target.domain_name, "Default")

    def test_how_a_user_stands_towards_a_project(self) -> None:
        admin = self.cloud.write(logins.project_scope, "u-admin", "p1")
        self.assertEqual([role.name for role in admin.roles], ["admin", "member"])
        self.assertTrue(admin.open)
        stranger = self.cloud.write(logins.project_scope, "u-bob", "p1")
        self.assertEqual((stranger.project.name, stranger.roles), ("one", ()))
        self.assertFalse(stranger.open)
        self.assertIsNone(self.cloud.write(logins.project_scope, "u-bob", "nope"))
        self.assertIsNone(self.cloud.write(logins.standing, "nobody"))

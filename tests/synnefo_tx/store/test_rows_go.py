"""
What becomes of the rows of each table: none grows for ever unless it is history.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import VM
from synnefo_tx.quota.rows import holdings, limits, resources
from synnefo_tx.quota.rows.gone import forget_gone
from synnefo_tx.store.metadata import metadata
from tests.synnefo_tx.identity.cloud import identity_cloud

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"
HISTORY = {
    "account_projects",
    "audit_log",
    "membership_log",
    "project_applications",
    "project_log",
    "project_members",
    "provision_log",
    "revocations",  # until the tokens have ended
    "wrong_log_ins",
}


class PageTests(SynchronousTestCase):
    def test_every_table_is_on_the_page(self) -> None:
        text = PAGE.read_text(encoding="utf-8")
        chapter = text[text.index("## What stays in the database") :]
        named = set(re.findall(r"`([a-z0-9_]+)`", chapter))
        self.assertEqual(set(metadata.tables) - named, set(), "who lets its rows go?")


class EndTests(SynchronousTestCase):
    """
    A user and a project have a bit of everything, and end.
    """

    def setUp(self) -> None:
        self.cloud = identity_cloud(self, follower=cloud_follower(True))
        self.cloud.write(resources.ensure)
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        answer = self.cloud.ask(method, f"/v3{path}", token or self.admin, body)
        self.assertLess(answer.code, 300, answer.body)
        return answer.json if answer.body else None

    def made(self, noun: str, **fields: Any) -> str:
        told = self.ask("POST", f"/{noun}s", {noun: fields | {"domain_id": "default"}})
        return str(told[noun]["id"])

    def tables_with(self, *ids: str) -> set[str]:
        with self.cloud.database.engine.connect() as connection:
            return {
                table.name
                for table in metadata.sorted_tables
                for row in connection.execute(select(table))
                if any(one in repr(tuple(row)) for one in ids)
            }

    def furnish(self, user: str, project: str) -> None:
        ask = self.ask
        role = f"/projects/{project}/users/{user}/roles/role-member"
        ask("PUT", role)
        ask("PUT", f"/OS-INHERIT{role}/inherited_to_projects")
        ask("PUT", f"/projects/{project}/tags", {"tags": ["one"]})
        group = self.made("group", name="g")
        ask("PUT", f"/groups/{group}/users/{user}")
        [endpoint, *_] = ask("GET", "/endpoints")["endpoints"]
        ask("PUT", f"/OS-EP-FILTER/projects/{project}/endpoints/{endpoint['id']}")
        token = self.cloud.login("dora", {"project": {"id": project}}, password="so secret")
        own = token.header("X-Subject-Token")
        rules = [{"service": "identity", "method": "GET", "path": "/v3/users"}]
        robot = {"name": "r", "access_rules": rules}
        ask(
            "POST", f"/users/{user}/application_credentials", {"application_credential": robot}, own
        )
        ask("POST", f"/users/{user}/credentials/OS-EC2", {"tenant_id": project}, own)
        trust = {
            "trustor_user_id": user,
            "trustee_user_id": "u-bob",
            "project_id": project,
            "impersonation": False,
            "roles": [{"id": "role-member"}],
        }
        ask("POST", "/OS-TRUST/trusts", {"trust": trust}, own)
        payer = Payer(user, project)
        self.cloud.write(limits.set_project_limits, project, {VM: 5})
        self.cloud.write(limits.set_member_limits, user, project, {VM: 3})
        self.cloud.write(holdings.take, payer, {VM: 1})
        self.cloud.write(holdings.give_back, payer, {VM: 1})

    def test_what_is_there_keeps_its_rows(self) -> None:
        """
        Also holdings that are not used; and of who is gone, what something is charged to.
        """
        user = self.made("user", name="dora", password="so secret")
        project = self.made("project", name="attic")
        self.cloud.write(limits.set_project_limits, project, {VM: 5})
        self.cloud.write(holdings.take, Payer(user, project), {VM: 1})
        self.cloud.write(forget_gone)
        self.assertLessEqual({"holdings", "quota_limits"}, self.tables_with(project))
        self.ask("DELETE", f"/projects/{project}")
        self.cloud.write(forget_gone)
        left = self.tables_with(project)
        self.assertEqual(left & {"holdings", "quota_limits"}, {"holdings"})
        self.cloud.write(holdings.give_back, Payer(user, project), {VM: 1})
        self.cloud.write(forget_gone)
        self.assertNotIn("holdings", self.tables_with(project))

    def test_nothing_is_left_of_them_but_history(self) -> None:
        user = self.made("user", name="dora", password="so secret")
        project = self.made("project", name="attic")
        self.furnish(user, project)
        before = self.tables_with(user, project)
        for table in (
            "application_credentials",
            "credentials",
            "trusts",
            "holdings",
            "group_members",
        ):
            self.assertIn(table, before)
        self.ask("DELETE", f"/users/{user}")
        self.ask("DELETE", f"/projects/{project}")
        self.cloud.write(forget_gone)  # one of the chores
        self.assertEqual(self.tables_with(user, project) - HISTORY, set())

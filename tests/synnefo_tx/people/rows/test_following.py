"""
Nothing is kept of people who are gone, however they went.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.people.external.rows.tables import (
    external_accounts,
    external_grants,
    external_groups,
    external_memberships,
)
from synnefo_tx.people.rows import addresses, links, signing
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.store.metadata import metadata
from tests.synnefo_tx.identity.cloud import identity_cloud

NOW = 1_800_000_000
OF_USERS = {
    "external_accounts",
    "external_grants",
    "external_memberships",
    "links",
    "signed_terms",
    "verified_addresses",
}
OF_GROUPS = {"external_groups", "external_memberships"}
HISTORY = {"audit_log", "revocations"}


def furnish(connection: Connection, user_id: str, domain_id: str, group_id: str) -> None:
    """
    What is known of a user whom an administrator has made, and who has no row in `people`.
    """
    addresses.claim(connection, domain_id, "dora@example.org", user_id)
    links.give(connection, "change-email", user_id, "d@example.org", NOW)
    signing.sign(connection, user_id, signing.publish(connection, "Be kind.", NOW).version, NOW)
    his = {"provider": "oidc:work", "user_id": user_id}
    rows: tuple[tuple[Any, dict[str, Any]], ...] = (
        (external_accounts, his | {"identifier": "d-1", "seen_at": NOW}),
        (external_memberships, his | {"group_id": group_id}),
        (external_grants, his | {"project_id": "p1", "role_id": "role-member"}),
        (external_groups, {"provider": "oidc:work", "group_id": group_id}),
    )
    for table, row in rows:
        connection.execute(insert(table).values(row))


class GoneTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self, follower=cloud_follower(False))
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})
        self.domain = self.made("domain", name="attic")
        self.user = self.made("user", name="dora", domain_id=self.domain)
        self.group = self.made("group", name="work", domain_id=self.domain)
        self.cloud.write(furnish, self.user, self.domain, self.group)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.cloud.ask(method, f"/v3{path}", self.admin, body)
        self.assertLess(answer.code, 300, answer.body)
        return answer.json if answer.body else None

    def made(self, noun: str, **fields: Any) -> str:
        return str(self.ask("POST", f"/{noun}s", {noun: fields})[noun]["id"])

    def tables_with(self, one: str) -> set[str]:
        with self.cloud.database.engine.connect() as connection:
            return {
                table.name
                for table in metadata.sorted_tables
                for row in connection.execute(select(table))
                if one in tuple(row)
            }

    def test_a_user(self) -> None:
        self.assertLessEqual(OF_USERS, self.tables_with(self.user))
        self.ask("DELETE", f"/users/{self.user}")
        self.assertEqual(self.tables_with(self.user) - HISTORY, set())

    def test_a_group(self) -> None:
        self.assertLessEqual(OF_GROUPS, self.tables_with(self.group))
        self.ask("DELETE", f"/groups/{self.group}")
        self.assertEqual(self.tables_with(self.group) - HISTORY, set())
        self.assertIn("external_accounts", self.tables_with(self.user))

    def test_a_domain(self) -> None:
        """With all who are in it; an enabled one stays, and so does what is known of them."""
        answer = self.cloud.ask("DELETE", f"/v3/domains/{self.domain}", self.admin)
        self.assertEqual(answer.code, 403)
        self.assertLessEqual(OF_USERS, self.tables_with(self.user))
        self.ask("PATCH", f"/domains/{self.domain}", {"domain": {"enabled": False}})
        self.ask("DELETE", f"/domains/{self.domain}")
        for one in (self.user, self.group, self.domain):
            self.assertEqual(self.tables_with(one) - HISTORY, set())

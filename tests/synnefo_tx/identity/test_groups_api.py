"""
/v3/groups and the users in them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.rows.grants import Grant, grant
from tests.synnefo_tx.identity.asking import AskingCase


class GroupCase(AskingCase):
    def made(self, **fields: Any) -> dict[str, Any]:
        return self.make("group", **({"name": "crew"} | fields))


class GroupTests(GroupCase):
    def test_a_new_group_is_shown_as_it_was_given(self) -> None:
        group = self.made(description="all", colour="blue")
        self.assertEqual(
            group,
            {
                "id": group["id"],
                "name": "crew",
                "description": "all",
                "domain_id": "default",
                "colour": "blue",
                "links": {"self": f"http://cloud.test/identity/v3/groups/{group['id']}"},
            },
        )
        self.assertEqual(self.ask("GET", f"/groups/{group['id']}").json["group"], group)

    def test_a_list_is_filtered(self) -> None:
        self.made()
        self.made(name="crew", domain_id="other")
        named = self.ask("GET", "/groups?name=crew&domain_id=other").json["groups"]
        self.assertEqual([one["domain_id"] for one in named], ["other"])

    def test_changes_keep_what_they_do_not_name(self) -> None:
        group = self.made(colour="blue", size=3)
        path = f"/groups/{group['id']}"
        after = self.ask("PATCH", path, {"group": {"name": "team", "size": 4}}).json["group"]
        self.assertEqual((after["name"], after["colour"], after["size"]), ("team", "blue", 4))

    def test_a_name_is_taken_once_in_a_domain(self) -> None:
        self.made()
        answer = self.ask("POST", "/groups", {"group": {"name": "crew"}})
        told = (
            "Conflict occurred attempting to store group - Duplicate entry found with name crew "
            "at domain ID default."
        )
        self.assertEqual((answer.code, answer.message), (409, told))

    def test_a_domain_that_is_not_there(self) -> None:
        answer = self.ask("POST", "/groups", {"group": {"name": "crew", "domain_id": "nope"}})
        self.assertEqual((answer.code, answer.message), (404, "Could not find domain: nope."))

    def test_bodies_that_name_the_field(self) -> None:
        for body, told in (
            ({}, "'name' is a required property"),
            ({"name": ""}, "Invalid input for field 'name'"),
            ({"name": "x", "description": 1}, "Invalid input for field 'description'"),
        ):
            answer = self.ask("POST", "/groups", {"group": body})
            self.assertEqual(answer.code, 400)
            self.assertIn(told, answer.message)

    def test_deleted_it_is_gone(self) -> None:
        path = f"/groups/{self.made()['id']}"
        self.assertEqual([self.ask("DELETE", path).code for _ in range(2)], [204, 404])

    def test_members_may_do_nothing_to_groups(self) -> None:
        path = f"/groups/{self.made()['id']}"
        for method, at in (
            ("GET", "/groups"),
            ("GET", path),
            ("DELETE", path),
            ("POST", "/groups"),
        ):
            self.assertEqual(self.ask(method, at, token=self.alice).code, 403)
        self.assertEqual(self.ask("GET", "/groups/nope", token=self.alice).code, 403)

    def test_what_was_done_is_in_the_audit_log(self) -> None:
        group = self.made()

        def logged(connection: Connection) -> list[Any]:
            return list(connection.execute(select(audit_log).order_by(audit_log.c.id)))

        row = self.cloud.write(logged)[-1]
        self.assertEqual(
            (row.action, row.user_id, row.target_kind, row.target_id, row.details),
            ("identity:create_group", "u-admin", "group", group["id"], {"name": "crew"}),
        )
        self.assertTrue(row.request_id.startswith("req-"))


class MemberTests(GroupCase):
    def setUp(self) -> None:
        super().setUp()
        self.group = self.made()["id"]
        self.member = f"/groups/{self.group}/users/u-bob"
        self.assertEqual(self.ask("PUT", self.member).code, 204)

    def test_who_is_in(self) -> None:
        users = self.ask("GET", f"/groups/{self.group}/users").json["users"]
        self.assertEqual([user["id"] for user in users], ["u-bob"])
        self.assertNotIn("password_hash", users[0])
        self.assertEqual(self.ask("HEAD", self.member).code, 204)
        self.assertEqual(self.ask("HEAD", f"/groups/{self.group}/users/u-alice").code, 404)
        groups = self.ask("GET", "/users/u-bob/groups").json["groups"]
        self.assertEqual([group["id"] for group in groups], [self.group])

    def test_twice_is_as_once(self) -> None:
        self.assertEqual(self.ask("PUT", self.member).code, 204)

    def test_a_member_has_the_roles_of_the_group_until_it_leaves(self) -> None:
        given = Grant("group", self.group, "project", "p1", "role-member")
        self.cloud.write(grant, given)
        token = self.cloud.token("bob", {"project": {"id": "p1"}})
        self.assertEqual(self.ask("GET", "/auth/projects", token=token).code, 200)
        self.cloud.now += 1
        self.assertEqual(self.ask("DELETE", self.member).code, 204)
        self.cloud.now += 1
        self.assertEqual(self.ask("GET", "/auth/projects", token=token).code, 401)
        self.assertEqual(self.cloud.login("bob", {"project": {"id": "p1"}}).code, 401)

    def test_the_end_of_the_group_ends_what_it_gave(self) -> None:
        self.cloud.write(
            grant, Grant("group", self.group, "domain", "default", "role-member", True)
        )
        token = self.cloud.token("bob", {"project": {"id": "p1"}})
        self.cloud.now += 1
        self.assertEqual(self.ask("DELETE", f"/groups/{self.group}").code, 204)
        self.cloud.now += 1
        self.assertEqual(self.ask("GET", "/auth/projects", token=token).code, 401)

    def test_a_user_sees_the_own_groups(self) -> None:
        bob = self.cloud.token("bob")
        self.assertEqual(self.ask("GET", "/users/u-bob/groups", token=bob).code, 200)
        self.assertEqual(self.ask("GET", "/users/u-alice/groups", token=bob).code, 403)

"""
/v3/users: made, changed, ended, and what happens to their tokens.
"""

from __future__ import annotations

from typing import Any

from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import Answer

BASE = "http://cloud.test/identity/v3"


class UserTests(AskingCase):
    def login(self, user: dict[str, Any], password: str) -> Answer:
        return self.cloud.authenticate(password={"user": {"id": user["id"], "password": password}})

    def test_a_new_user_is_shown_without_the_password_and_can_log_in(self) -> None:
        user = self.make("user", name="eve", password="s3cret", email="eve@example.org")
        self.assertEqual(
            user,
            {
                "id": user["id"],
                "name": "eve",
                "domain_id": "default",
                "enabled": True,
                "email": "eve@example.org",
                "options": {},
                "password_expires_at": None,
                "links": {"self": f"{BASE}/users/{user['id']}"},
            },
        )
        self.assertEqual(self.login(user, "s3cret").code, 201)
        self.assertEqual(self.login(user, "other").code, 401)

    def test_a_list_by_the_end_of_passwords(self) -> None:
        self.cloud.change("user", "u-bob", {"password_expires_at": 1_800_000_000})
        group = self.make("group", name="crew")["id"]
        self.ask("PUT", f"/groups/{group}/users/u-bob")
        at = "2027-01-15T08:00:00Z"  # the same moment
        for told, found in (
            (at, True),
            (f"eq:{at}", True),
            (f"lte:{at}", True),
            (f"lt:{at}", False),
            (f"gt:{at}", False),
            (f"neq:{at}", False),
            ("gt:2026-01-01T00:00:00Z&password_expires_at=lt:2028-01-01T00:00:00Z", True),
        ):
            for path in ("/users", f"/groups/{group}/users"):
                listed = self.ask("GET", f"{path}?password_expires_at={told}").json["users"]
                self.assertEqual([one["id"] for one in listed], ["u-bob"] * found, told)
        for told in ("lt:soon", "around:2027-01-15T08:00:00Z", ""):
            self.told(self.ask("GET", f"/users?password_expires_at={told}"), 400, "expires_at")

    def test_without_a_password_nobody_logs_in(self) -> None:
        user = self.make("user", name="eve")
        for password in ("", "None", "null"):
            self.assertEqual(self.login(user, password).code, 401)

    def test_what_is_ours_can_not_be_given(self) -> None:
        user = self.make("user", name="eve", password="x", password_hash="y", failed_logins=9)
        self.assertEqual(self.login(user, "x").code, 201)
        path = f"/users/{user['id']}"
        self.ask("PATCH", path, {"user": {"password_hash": "z", "created_at": 1}})
        self.assertEqual(self.login(user, "x").code, 201)
        self.assertNotIn("created_at", self.ask("GET", path).json["user"])

    def test_another_password_ends_the_tokens_of_the_old(self) -> None:
        self.later()
        body = {"user": {"password": "new one"}}
        self.assertEqual(self.ask("PATCH", "/users/u-alice", body).code, 200)
        self.later()
        self.assertEqual(self.worth(self.alice), 401)
        self.assertEqual(self.cloud.login("alice").code, 401)
        self.assertEqual(self.login({"id": "u-alice"}, "new one").code, 201)

    def test_a_disabled_user_is_out_at_once(self) -> None:
        self.later()
        self.ask("PATCH", "/users/u-alice", {"user": {"enabled": False}})
        self.assertEqual(self.worth(self.alice), 401)
        self.assertEqual(self.cloud.login("alice").code, 401)
        self.ask("PATCH", "/users/u-alice", {"user": {"enabled": True}})
        self.later()
        self.assertEqual(self.cloud.login("alice").code, 201)

    def test_a_deleted_user_leaves_nothing(self) -> None:
        group = self.make("group", name="crew")["id"]
        self.ask("PUT", f"/groups/{group}/users/u-alice")
        self.later()
        self.assertEqual(self.ask("DELETE", "/users/u-alice").code, 204)
        self.assertEqual(self.worth(self.alice), 401)
        self.assertEqual(self.ask("GET", "/users/u-alice").code, 404)
        self.assertEqual(self.ask("GET", f"/groups/{group}/users").json["users"], [])
        held = self.ask("GET", "/role_assignments?user.id=u-alice").json["role_assignments"]
        self.assertEqual(held, [])

    def test_bodies_that_name_the_field(self) -> None:
        for body, told in (
            ({}, "'name' is a required property"),
            ({"name": "x" * 256}, "Invalid input for field 'name'"),
            ({"name": "x", "enabled": 1}, "Invalid input for field 'enabled'"),
            ({"name": "x", "options": {"nope": 1}}, "Invalid input for field 'options'"),
            ({"name": "x", "password": 1}, "Invalid input for field 'password'"),
        ):
            self.told(self.ask("POST", "/users", {"user": body}), 400, told)
        answer = self.ask("POST", "/users", {"user": {"name": "alice", "password": "p"}})
        self.told(answer, 409, "Duplicate entry found with name alice at domain ID default.")
        answer = self.ask("PATCH", "/users/u-bob", {"user": {"domain_id": "other"}})
        self.told(answer, 400, "Cannot change Domain ID")

    def test_no_error_tells_a_password(self) -> None:
        answer = self.ask("POST", "/users", {"user": {"name": 1, "password": "hush-hush"}})
        self.assertEqual(answer.code, 400)
        self.assertNotIn(b"hush-hush", answer.body)

    def test_who_may_not(self) -> None:
        for method, path in (
            ("POST", "/users"),
            ("PATCH", "/users/u-alice"),
            ("DELETE", "/users/u-bob"),
        ):
            answer = self.ask(method, path, {"user": {"name": "x"}}, self.alice)
            self.assertEqual((method, path, answer.code), (method, path, 403))

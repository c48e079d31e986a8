"""
Tokens of a domain and of the system: how they are had, what they say, what they open.
"""

from __future__ import annotations

from tests.synnefo_tx.identity.asking import AskingCase

DEFAULT = {"domain": {"id": "default"}}
SYSTEM = {"system": {"all": True}}


class ScopeTests(AskingCase):
    def setUp(self) -> None:
        super().setUp()
        for place in ("/domains/default", "/system"):
            self.ask("PUT", f"{place}/users/u-bob/roles/role-reader")

    def test_a_domain(self) -> None:
        for domain in ({"id": "default"}, {"name": "Default"}):
            token = self.cloud.login("bob", {"domain": domain}).json["token"]
            self.assertEqual(token["domain"], {"id": "default", "name": "Default"})
            self.assertEqual([role["name"] for role in token["roles"]], ["reader"])
            self.assertNotIn("project", token)
            self.assertIn("catalog", token)

    def test_the_system(self) -> None:
        token = self.cloud.login("bob", SYSTEM).json["token"]
        self.assertEqual(token["system"], {"all": True})
        self.assertEqual([role["name"] for role in token["roles"]], ["reader"])
        self.assertEqual(set(token) & {"project", "domain"}, set())

    def test_validation_says_what_the_login_said(self) -> None:
        for scope in (DEFAULT, SYSTEM):
            answer = self.cloud.login("bob", scope)
            text = answer.header("X-Subject-Token")
            shown = self.cloud.ask(
                "GET", "/v3/auth/tokens", text, headers={"X-Subject-Token": text}
            )
            self.assertEqual(shown.json, answer.json)

    def test_a_reader_of_a_domain_sees_what_is_in_it_and_changes_nothing(self) -> None:
        token = self.cloud.token("bob", DEFAULT)
        users = self.ask("GET", "/users", token=token).json["users"]
        self.assertEqual({user["domain_id"] for user in users}, {"default"})
        self.assertEqual(self.ask("GET", "/users?domain_id=other", token=token).json["users"], [])
        self.assertEqual(self.ask("GET", "/users/u-alice", token=token).code, 200)
        self.assertEqual(self.ask("GET", "/projects/p3", token=token).code, 403)
        answer = self.ask("PATCH", "/users/u-alice", {"user": {"enabled": False}}, token)
        self.assertEqual(answer.code, 403)

    def test_a_reader_of_the_system_sees_everything_and_changes_nothing(self) -> None:
        token = self.cloud.token("bob", SYSTEM)
        for path in ("/users", "/projects/p3", "/domains", "/roles", "/role_assignments"):
            self.assertEqual((path, self.ask("GET", path, token=token).code), (path, 200))
        self.assertEqual(self.ask("DELETE", "/projects/p3", token=token).code, 403)

    def test_a_manager_of_a_domain_works_within_it(self) -> None:
        role = self.make("role", name="manager")["id"]
        self.ask("PUT", f"/domains/default/users/u-bob/roles/{role}")
        token = self.cloud.token("bob", DEFAULT)
        made = self.ask("POST", "/users", {"user": {"name": "eve"}}, token)
        self.assertEqual((made.code, made.json["user"]["domain_id"]), (201, "default"))
        eve = made.json["user"]["id"]
        for code, path in (
            (204, f"/projects/p1/users/{eve}/roles/role-member"),
            (403, f"/projects/p1/users/{eve}/roles/role-admin"),
            (403, f"/projects/p3/users/{eve}/roles/role-member"),
        ):
            self.assertEqual((path, self.ask("PUT", path, token=token).code), (path, code))
        body = {"user": {"name": "x", "domain_id": "other"}}
        self.assertEqual(self.ask("POST", "/users", body, token).code, 403)

    def test_without_a_role_there_is_no_token(self) -> None:
        for scope in (DEFAULT, SYSTEM, {"domain": {"id": "nope"}}, {"domain": {"id": "other"}}):
            self.assertEqual(self.cloud.login("alice", scope).code, 401)

    def test_the_end_of_the_role_ends_the_token(self) -> None:
        tokens = [self.cloud.token("bob", scope) for scope in (DEFAULT, SYSTEM)]
        self.later()
        for place in ("/domains/default", "/system"):
            self.ask("DELETE", f"{place}/users/u-bob/roles/role-reader")
        self.assertEqual([self.worth(token) for token in tokens], [401, 401])
        self.assertEqual(self.worth(self.bob), 200)

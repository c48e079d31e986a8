"""
Application credentials: made, shown once, logged in with, ended; and the calls they are good for.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.rows.accounts import assign
from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import Answer

ALICE = "/users/u-alice/application_credentials"
DENIED = "The request you have made requires authentication."


class CredentialCase(AskingCase):
    def made(self, token: str = "", **fields: Any) -> dict[str, Any]:
        body = {"application_credential": {"name": "robot"} | fields}
        answer = self.ask("POST", ALICE, body, token or self.alice)
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json["application_credential"]
        return made

    def login(self, made: dict[str, Any], **more: Any) -> Answer:
        shown = {"id": made["id"], "secret": made["secret"]} | more
        return self.cloud.authenticate(application_credential=shown)

    def token_of(self, made: dict[str, Any]) -> str:
        answer = self.login(made)
        self.assertEqual(answer.code, 201, answer.body)
        return answer.header("X-Subject-Token")


class KeepingTests(CredentialCase):
    def test_the_secret_is_shown_once(self) -> None:
        made = self.made(description="nightly")
        self.assertGreater(len(made["secret"]), 80)
        shown = self.ask("GET", f"{ALICE}/{made['id']}", token=self.alice)
        told = shown.json["application_credential"]
        self.assertEqual(told, {k: v for k, v in made.items() if k != "secret"})
        self.assertEqual(
            (told["name"], told["description"], told["project_id"], told["expires_at"]),
            ("robot", "nightly", "p1", None),
        )
        self.assertEqual([role["name"] for role in told["roles"]], ["member"])
        self.assertNotIn(b"secret", shown.body)

    def test_a_list_is_of_one_user_and_filtered_by_name(self) -> None:
        self.made()
        self.made(name="second")
        listed = self.ask("GET", ALICE, token=self.alice).json["application_credentials"]
        self.assertEqual({one["name"] for one in listed}, {"robot", "second"})
        one = self.ask("GET", f"{ALICE}?name=second", token=self.alice)
        self.assertEqual([each["name"] for each in one.json["application_credentials"]], ["second"])
        mine = self.ask("GET", "/users/u-admin/application_credentials")
        self.assertEqual(mine.json["application_credentials"], [])

    def test_a_name_is_taken_once(self) -> None:
        self.made()
        body = {"application_credential": {"name": "robot"}}
        self.told(self.ask("POST", ALICE, body, self.alice), 409, "application_credential")

    def test_nobody_makes_one_for_another(self) -> None:
        body = {"application_credential": {"name": "robot"}}
        for token in (self.admin, self.bob):
            self.assertEqual(self.ask("POST", ALICE, body, token).code, 403)

    def test_others_see_and_delete_nothing_whatever_the_path_says(self) -> None:
        made = self.made()
        for path in (ALICE, "/users/u-bob/application_credentials"):
            for method in ("GET", "DELETE"):
                answer = self.ask(method, f"{path}/{made['id']}", token=self.bob)
                self.assertEqual(answer.code, 403)
        self.assertEqual(self.ask("GET", ALICE, token=self.bob).code, 403)
        self.assertEqual(self.ask("DELETE", f"{ALICE}/{made['id']}").code, 204)  # by the admin

    def test_a_role_that_came_after_the_token_may_be_handed_on(self) -> None:
        self.ask("PUT", "/projects/p1/users/u-alice/roles/role-reader")
        made = self.made(roles=[{"name": "reader"}])
        self.assertEqual([role["name"] for role in made["roles"]], ["reader"])

    def test_roles_that_the_caller_lacks_are_refused(self) -> None:
        for role in ({"id": "role-admin"}, {"name": "admin"}, {"id": "nope"}):
            body = {"application_credential": {"name": "robot", "roles": [role]}}
            self.told(self.ask("POST", ALICE, body, self.alice), 400, "unassigned role")

    def test_an_end_is_kept_as_given_and_may_not_be_past(self) -> None:
        ends = "2027-01-15T09:00:00.123456"
        self.assertEqual(self.made(expires_at=ends)["expires_at"], ends)
        for text, told in (("2020-01-01T00:00:00Z", "must not be before now"), ("bad", "format")):
            body = {"application_credential": {"name": "x", "expires_at": text}}
            self.told(self.ask("POST", ALICE, body, self.alice), 400, told)

    def test_a_token_without_a_project_makes_none(self) -> None:
        unscoped = self.cloud.token("alice", "unscoped")
        body = {"application_credential": {"name": "robot"}}
        self.told(self.ask("POST", ALICE, body, unscoped), 400, "Invalid application credential")


class LoginTests(CredentialCase):
    def test_by_id_and_by_name_and_user(self) -> None:
        made = self.made()
        named = {"name": "robot", "secret": made["secret"]}
        by_id = self.login(made)
        by_name = self.cloud.authenticate(
            application_credential=named | {"user": {"name": "alice", "domain": {"id": "default"}}}
        )
        for answer in (by_id, by_name):
            token = answer.json["token"]
            self.assertEqual(token["methods"], ["application_credential"])
            self.assertEqual(token["project"]["id"], "p1")
            self.assertEqual(
                token["application_credential"],
                {"id": made["id"], "name": "robot", "restricted": True},
            )

    def test_validation_says_what_the_login_said(self) -> None:
        made = self.made(access_rules=[{"service": "image", "method": "GET", "path": "/v2/**"}])
        answer = self.login(made)
        headers = {"X-Subject-Token": answer.header("X-Subject-Token")}
        asked = self.cloud.ask("GET", "/v3/auth/tokens", self.admin, headers=headers)
        self.assertEqual(asked.json, answer.json)
        self.assertEqual(
            asked.json["token"]["application_credential"]["access_rules"], made["access_rules"]
        )

    def test_every_refusal_is_the_same(self) -> None:
        made = self.made()
        ended = self.made(name="brief", expires_at="2027-01-15T08:00:05Z")
        self.cloud.now += 5
        for answer in (
            self.login(made, secret="wrong"),
            self.login(made, id="nope"),
            self.login(ended),
            self.cloud.authenticate(application_credential={"id": made["id"]}),
            self.cloud.authenticate(
                application_credential={
                    "name": "robot",
                    "secret": made["secret"],
                    "user": {"id": "u-bob"},
                }
            ),
            self.cloud.authenticate(
                scope={"project": {"id": "p1"}},
                application_credential={"id": made["id"], "secret": made["secret"]},
            ),
        ):
            self.assertEqual((answer.code, answer.message), (401, DENIED))

    def test_the_user_named_beside_an_id_changes_nothing(self) -> None:
        token = self.login(self.made(), user={"id": "u-admin"}).json["token"]
        self.assertEqual(token["user"]["id"], "u-alice")

    def test_a_second_method_must_name_the_same_user(self) -> None:
        made = self.made()
        shown = {"id": made["id"], "secret": made["secret"]}
        for user, password, code in (
            ("u-alice", "battery staple", 201),
            ("u-bob", "tr0ub4dor", 401),
        ):
            answer = self.cloud.authenticate(
                application_credential=shown,
                password={"user": {"id": user, "password": password}},
            )
            self.assertEqual(answer.code, code)

    def test_its_token_ends_with_it(self) -> None:
        token = self.login(self.made(expires_at="2027-01-15T08:00:05.5Z")).json["token"]
        self.assertEqual(token["expires_at"], "2027-01-15T08:00:05.000000Z")

    def test_deleted_it_and_its_tokens_are_worth_nothing(self) -> None:
        made, other = self.made(), self.made(name="other")
        token, bystander = self.token_of(made), self.token_of(other)
        self.assertEqual(self.ask("DELETE", f"{ALICE}/{made['id']}", token=self.alice).code, 204)
        self.assertEqual((self.worth(token), self.worth(bystander)), (401, 200))
        self.assertEqual(self.login(made).code, 401)
        self.assertEqual(self.ask("GET", f"{ALICE}/{made['id']}", token=self.alice).code, 404)

    def test_it_gives_those_of_its_roles_that_are_still_held(self) -> None:
        self.cloud.write(assign, "u-alice", "p1", "role-reader")
        both = self.cloud.token("alice", {"project": {"id": "p1"}})
        made = self.made(both)
        token = self.token_of(made)
        self.later()
        self.ask("DELETE", "/projects/p1/users/u-alice/roles/role-reader")
        self.assertEqual(self.worth(token), 401)
        self.later()
        roles = [role["name"] for role in self.login(made).json["token"]["roles"]]
        self.assertEqual(roles, ["member"])
        self.ask("DELETE", "/projects/p1/users/u-alice/roles/role-member")
        self.assertEqual(self.login(made).code, 401)

    def test_a_role_that_is_deleted_ends_its_tokens(self) -> None:
        token = self.token_of(self.made())
        self.later()
        self.ask("DELETE", "/roles/role-member")
        self.assertEqual(self.worth(token), 401)

    def test_roles_given_later_are_not_its_own(self) -> None:
        made = self.made()
        self.cloud.write(assign, "u-alice", "p1", "role-admin")
        roles = [role["name"] for role in self.login(made).json["token"]["roles"]]
        self.assertEqual(roles, ["member"])


class LimitTests(CredentialCase):
    def test_a_restricted_one_manages_no_credentials(self) -> None:
        made = self.made()
        token = self.token_of(made)
        body = {"application_credential": {"name": "second"}}
        self.told(self.ask("POST", ALICE, body, token), 403, "application_credential")
        self.assertEqual(self.ask("DELETE", f"{ALICE}/{made['id']}", token=token).code, 403)
        self.assertEqual(self.ask("GET", ALICE, token=token).code, 200)

    def test_an_unrestricted_one_may(self) -> None:
        token = self.token_of(self.made(unrestricted=True))
        second = self.made(token, name="second")
        self.assertEqual(self.ask("DELETE", f"{ALICE}/{second['id']}", token=token).code, 204)

    def test_a_token_from_its_token_has_its_limits(self) -> None:
        rules = [{"service": "identity", "method": "GET", "path": "/v3/auth/projects"}]
        made = self.made(access_rules=rules)
        again = self.cloud.authenticate(token={"id": self.token_of(made)})
        self.assertEqual(again.code, 201, again.body)
        self.assertEqual(again.json["token"]["application_credential"]["id"], made["id"])
        token = again.header("X-Subject-Token")
        self.assertEqual(self.worth(token), 200)
        self.assertEqual(self.ask("GET", ALICE, token=token).code, 401)
        self.ask("DELETE", f"{ALICE}/{made['id']}", token=self.alice)
        self.assertEqual(self.worth(token), 401)

    def test_its_token_leads_to_no_other_scope(self) -> None:
        token = self.token_of(self.made(unrestricted=True))
        for scope in ("unscoped", {"project": {"id": "p1"}}, {"system": {"all": True}}):
            answer = self.cloud.authenticate(scope=scope, token={"id": token})
            self.told(answer, 403, "application credential token")

    def test_access_rules_are_the_only_calls(self) -> None:
        rule = {"service": "identity", "method": "GET", "path": "/v3/users/{id}/access_rules"}
        token = self.token_of(self.made(access_rules=[rule]))
        self.assertEqual(self.ask("GET", "/users/u-alice/access_rules", token=token).code, 200)
        for method, path in (
            ("HEAD", "/users/u-alice/access_rules"),
            ("GET", "/users/u-alice"),
            ("GET", "/users/u-alice/access_rules/x"),
            ("GET", "/auth/projects"),
        ):
            self.assertEqual(self.ask(method, path, token=token).code, 401, (method, path))

    def test_one_with_access_rules_makes_none_with_others(self) -> None:
        rule = {"service": "identity", "method": "POST", "path": "/v3/users/**"}
        token = self.token_of(self.made(access_rules=[rule], unrestricted=True))
        wider = {"service": "compute", "method": "GET", "path": "/**"}
        for rules in ([], [wider], [rule, wider]):
            body = {"application_credential": {"name": "wide", "access_rules": rules}}
            self.assertEqual(self.ask("POST", ALICE, body, token).code, 403)
        self.made(token, name="same", access_rules=[rule])


class AccessRuleTests(CredentialCase):
    def setUp(self) -> None:
        super().setUp()
        self.rule = {"service": "compute", "method": "GET", "path": "/v2.1/servers/*/ips"}
        self.credential = self.made(access_rules=[self.rule])
        self.rule_id = self.credential["access_rules"][0]["id"]
        self.path = "/users/u-alice/access_rules"

    def test_rules_are_shared_and_listed(self) -> None:
        again = self.made(name="b", access_rules=[self.rule])
        by_id = self.made(name="c", access_rules=[{"id": self.rule_id}])
        for made in (again, by_id):
            self.assertEqual(made["access_rules"], [self.rule | {"id": self.rule_id}])
        listed = self.ask("GET", self.path, token=self.alice).json["access_rules"]
        self.assertEqual([one["id"] for one in listed], [self.rule_id])
        shown = self.ask("GET", f"{self.path}/{self.rule_id}", token=self.alice)
        self.assertEqual(shown.json["access_rule"]["path"], "/v2.1/servers/*/ips")

    def test_one_in_use_stays(self) -> None:
        path = f"{self.path}/{self.rule_id}"
        self.told(self.ask("DELETE", path, token=self.alice), 403, "May not delete access rule")
        self.ask("DELETE", f"{ALICE}/{self.credential['id']}", token=self.alice)
        self.assertEqual(self.ask("GET", path, token=self.alice).code, 200)
        self.assertEqual(self.ask("DELETE", path, token=self.alice).code, 204)
        self.assertEqual(self.ask("GET", path, token=self.alice).code, 404)

    def test_another_s_rule_can_be_neither_seen_nor_used(self) -> None:
        answer = self.ask("GET", f"/users/u-bob/access_rules/{self.rule_id}", token=self.bob)
        self.assertEqual(answer.code, 403)
        body = {"application_credential": {"name": "x", "access_rules": [{"id": self.rule_id}]}}
        answer = self.ask("POST", "/users/u-bob/application_credentials", body, self.bob)
        self.told(answer, 404, "Could not find Access Rule")

    def test_bodies_that_are_wrong(self) -> None:
        for rule in (
            {"service": "compute"},
            {"service": "compute", "method": "BREW", "path": "/x"},
            {"service": "compute", "method": "GET", "path": "x"},
        ):
            body = {"application_credential": {"name": "x", "access_rules": [rule]}}
            self.assertEqual(self.ask("POST", ALICE, body, self.alice).code, 400)

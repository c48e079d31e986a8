"""
/v3/auth/tokens: logging in, asking about a token, taking it back.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.identity.cloud import START, identity_cloud

DENIED = "The request you have made requires authentication."


def expecting(attribute: str, target: str) -> str:
    return (
        f"Expecting to find {attribute} in {target}. The server could not comply with the request "
        "since it is either malformed or otherwise incorrect. The client is assumed to be in error."
    )


class LoginTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)

    def test_a_login_by_name_gives_a_token_for_the_default_project(self) -> None:
        answer = self.cloud.login("alice")
        self.assertEqual(answer.code, 201)
        self.assertTrue(answer.header("X-Subject-Token"))
        self.assertEqual(answer.header("Vary"), "X-Auth-Token")
        token = answer.json["token"]
        catalog, audit_ids = token.pop("catalog"), token.pop("audit_ids")
        self.assertEqual(
            token,
            {
                "methods": ["password"],
                "user": {
                    "domain": {"id": "default", "name": "Default"},
                    "id": "u-alice",
                    "name": "alice",
                    "password_expires_at": None,
                },
                "expires_at": "2027-01-15T09:00:00.000000Z",
                "issued_at": "2027-01-15T08:00:00.000000Z",
                "project": {
                    "domain": {"id": "default", "name": "Default"},
                    "id": "p1",
                    "name": "one",
                },
                "is_domain": False,
                "roles": [{"id": "role-member", "name": "member"}],
            },
        )
        self.assertEqual(
            [service["type"] for service in catalog],
            ["account", "block-storage", "compute", "identity", "image", "network", "volumev3"],
        )
        self.assertEqual(len(audit_ids), 1)
        self.assertEqual(len(audit_ids[0]), 22)

    def test_a_login_by_id_needs_no_domain(self) -> None:
        answer = self.cloud.authenticate(
            password={"user": {"id": "u-alice", "password": "battery staple"}}
        )
        self.assertEqual(answer.code, 201)

    def test_the_domain_may_be_named(self) -> None:
        user = {"name": "alice", "domain": {"name": "Default"}, "password": "battery staple"}
        self.assertEqual(self.cloud.authenticate(password={"user": user}).code, 201)

    def test_a_user_without_a_default_project_gets_an_unscoped_token(self) -> None:
        token = self.cloud.login("bob").json["token"]
        self.assertEqual(set(token) & {"project", "roles", "catalog", "is_domain"}, set())

    def test_a_token_without_scope_can_be_asked_for(self) -> None:
        for scope in ("unscoped", {"unscoped": {}}):
            self.assertNotIn("project", self.cloud.login("alice", scope).json["token"])

    def test_a_project_by_id_or_by_name_and_domain(self) -> None:
        for project in (
            {"id": "p1"},
            {"name": "one", "domain": {"id": "default"}},
            {"name": "one", "domain": {"name": "Default"}},
        ):
            answer = self.cloud.login("alice", {"project": project})
            self.assertEqual(answer.json["token"]["project"]["id"], "p1")

    def test_a_default_project_that_is_closed_gives_an_unscoped_token(self) -> None:
        self.cloud.disable("project", "p1")
        self.assertNotIn("project", self.cloud.login("alice").json["token"])

    def test_nocatalog_leaves_the_catalog_out(self) -> None:
        user = {"id": "u-alice", "password": "battery staple"}
        answer = self.cloud.authenticate(query="?nocatalog", password={"user": user})
        self.assertNotIn("catalog", answer.json["token"])
        self.assertIn("roles", answer.json["token"])

    def test_every_reason_for_a_refusal_gives_the_same_answer(self) -> None:
        """
        Nobody learns from it which users or projects there are.
        """
        self.cloud.disable("user", "u-bob")
        answers = [
            self.cloud.login("alice", password="wrong"),
            self.cloud.login("nobody"),
            self.cloud.login("alice", domain={"id": "other"}),
            self.cloud.login("alice", domain={"name": "No such"}),
            self.cloud.login("bob"),
            self.cloud.login("alice", {"project": {"id": "p2"}}),
            self.cloud.login("alice", {"project": {"id": "none"}}),
            self.cloud.login("alice", {"project": {"name": "none", "domain": {"id": "default"}}}),
            self.cloud.login("alice", {"project": {"name": "one", "domain": {"id": "none"}}}),
            self.cloud.login("alice", {"domain": {"id": "default"}}),
            self.cloud.login("admin", {"system": {"all": True}}),
            self.cloud.login("alice", {"OS-TRUST:trust": {"id": "t"}}),
            self.cloud.authenticate(password={"user": {"id": "u-alice"}}),
            self.cloud.login("alice", password=""),
            self.cloud.authenticate(),
        ]
        for number, answer in enumerate(answers):
            self.assertEqual((number, answer.code, answer.message), (number, 401, DENIED))
            self.assertEqual(
                answer.header("WWW-Authenticate"), 'Keystone uri="http://cloud.test/identity/v3"'
            )

    def test_a_disabled_domain_lets_nobody_in(self) -> None:
        self.cloud.disable("domain", "default")
        self.assertEqual(self.cloud.login("alice").code, 401)

    def test_a_hash_that_is_no_argon2_lets_nobody_in(self) -> None:
        from synnefo_tx.identity.rows.accounts import create_user

        self.cloud.write(create_user, "u-ext", "default", "ext", "!")
        user = {"id": "u-ext", "password": "!"}
        self.assertEqual(self.cloud.authenticate(password={"user": user}).code, 401)

    def test_an_unsupported_method_is_told(self) -> None:
        answer = self.cloud.authenticate(kerberos={})
        self.assertEqual(
            (answer.code, answer.message),
            (401, "Attempted to authenticate with an unsupported method."),
        )
        offered = ["password", "token", "application_credential", "totp"]
        self.assertEqual(answer.json["error"]["identity"], {"methods": offered})


class BadLoginTests(SynchronousTestCase):
    """
    Bodies that are wrong get 400, in Keystone's words.
    """

    def setUp(self) -> None:
        self.cloud = identity_cloud(self)

    def complaint(self, body: Any, **more: Any) -> str:
        answer = self.cloud.ask("POST", "/v3/auth/tokens", body=body, **more)
        self.assertEqual(answer.code, 400, answer.body)
        self.assertEqual(answer.json["error"]["title"], "Bad Request")
        return answer.message

    def test_what_is_missing_is_named(self) -> None:
        alice = {"name": "alice", "password": "battery staple"}

        def password(user: Any) -> Any:
            return {"auth": {"identity": {"methods": ["password"], "password": user}}}

        def scope(value: Any) -> Any:
            user = alice | {"domain": {"id": "default"}}
            return {"auth": password({"user": user})["auth"] | {"scope": value}}

        invalid = "Invalid input for field {}: id or name must be present."
        for body, told in (
            ({}, expecting("auth", "request body")),
            ({"auth": None}, expecting("auth", "request body")),
            (
                {"auth": {"identity": {"methods": ["password"]}}},
                expecting("password", "identity"),
            ),
            ({"auth": {"identity": {"methods": ["token"]}}}, expecting("token", "identity")),
            (password({}), expecting("user", "password")),
            (password({"user": alice}), expecting("domain", "user")),
            (password({"user": {"id": ""}}), expecting("id or name", "user")),
            (password({"user": {}}), invalid.format("identity/password/user")),
            (
                password({"user": alice | {"domain": {}}}),
                invalid.format("identity/password/user/domain"),
            ),
            (scope({"project": {}}), invalid.format("scope/project")),
            (scope({"domain": {}}), invalid.format("scope/domain")),
            (scope({"project": {"name": "one"}}), expecting("domain", "project")),
            (
                scope({"project": {"name": "one", "domain": {}}}),
                invalid.format("scope/project/domain"),
            ),
            *(
                (
                    scope(value),
                    expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope"),
                )
                for value in (
                    {},
                    "",
                    "project",
                    {"project": {"id": "p1"}, "domain": {"id": "default"}},
                )
            ),
        ):
            self.assertEqual(self.complaint(body), told, body)

    def test_a_wrong_type_is_told_with_its_place(self) -> None:
        told = self.complaint({"auth": {"identity": {"methods": 1}}})
        self.assertEqual(
            told,
            "Invalid input for field 'identity/methods': 1 is not of type 'array'\n\n"
            "Failed validating 'type' in "
            "schema['properties']['identity']['properties']['methods']:\n"
            "    {'type': 'array', 'items': {'type': 'string'}}\n\n"
            "On instance['identity']['methods']:\n    1",
        )

    def test_wrong_types_everywhere_are_bad_requests(self) -> None:
        for auth in (
            1,
            [],
            "x",
            {},
            {"identity": None},
            {"identity": {}},
            {"identity": {"methods": [1]}},
            {"identity": {"methods": ["password"], "password": "x"}},
            {"identity": {"methods": ["password"], "password": {"user": "x"}}},
            {"identity": {"methods": ["password"], "password": {"user": {"id": 1}}}},
            {"identity": {"methods": ["password"], "password": {"user": {"password": None}}}},
            {"identity": {"methods": ["token"], "token": {}}},
            {"identity": {"methods": ["token"], "token": {"id": None}}},
            {"identity": {"methods": []}, "scope": None},
            {"identity": {"methods": []}, "scope": {"project": "x"}},
            {"identity": {"methods": []}, "scope": {"system": {"all": "yes"}}},
        ):
            self.complaint({"auth": auth})

    def test_a_body_that_is_not_json_is_told(self) -> None:
        for body in (b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000):
            told = self.complaint(body, headers={"Content-Type": "application/json"})
            self.assertEqual(told, expecting("valid JSON", "request body"))

    def test_another_content_type_is_told(self) -> None:
        told = self.complaint(b"a=b", headers={"Content-Type": "text/plain"})
        self.assertEqual(told, expecting("application/json", "Content-Type header"))

    def test_a_body_that_is_too_large_is_413(self) -> None:
        answer = self.cloud.ask("POST", "/v3/auth/tokens", body=b"x" * (112 * 1024 + 1))
        self.assertEqual(answer.code, 413)


class TokenFromTokenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)

    def exchange(self, token: str, scope: Any = None, **more: Any) -> Any:
        return self.cloud.authenticate(token={"id": token}, scope=scope, **more)

    def test_it_keeps_the_end_and_the_chain_of_the_first(self) -> None:
        first = self.cloud.login("bob", "unscoped")
        self.cloud.now += 600
        second = self.exchange(first.header("X-Subject-Token"), {"project": {"id": "p2"}})
        third = self.exchange(second.header("X-Subject-Token"), {"project": {"id": "p2"}})
        self.assertEqual((second.code, third.code), (201, 201))
        for later in (second, third):
            token = later.json["token"]
            self.assertEqual(token["expires_at"], first.json["token"]["expires_at"])
            self.assertEqual(token["methods"], ["token", "password"])
            self.assertEqual(token["audit_ids"][1], first.json["token"]["audit_ids"][0])
        self.assertEqual(second.json["token"]["roles"], [{"id": "role-reader", "name": "reader"}])

    def test_a_foreign_project_is_refused(self) -> None:
        token = self.cloud.token("bob")
        self.assertEqual(self.exchange(token, {"project": {"id": "p1"}}).code, 401)

    def test_a_token_that_is_worth_nothing_is_not_found(self) -> None:
        token = self.cloud.token("bob")
        answer = self.exchange("garbage")
        self.assertEqual((answer.code, answer.message), (404, "Could not recognize Fernet token"))
        self.cloud.now += 3600
        answer = self.exchange(token)
        self.assertEqual((answer.code, answer.message), (404, "Failed to validate token"))

    def test_password_and_token_must_name_the_same_user(self) -> None:
        alice = {"user": {"id": "u-alice", "password": "battery staple"}}
        self.assertEqual(self.exchange(self.cloud.token("alice"), password=alice).code, 201)
        self.assertEqual(self.exchange(self.cloud.token("bob"), password=alice).code, 401)


class ValidationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self)
        self.admin = self.cloud.token("admin")
        self.alice = self.cloud.token("alice")

    def about(self, method: str, token: str, subject: str | None, query: str = "") -> Any:
        headers = {} if subject is None else {"X-Subject-Token": subject}
        return self.cloud.ask(method, f"/v3/auth/tokens{query}", token, headers=headers)

    def test_it_says_what_the_login_said(self) -> None:
        login = self.cloud.login("alice")
        subject = login.header("X-Subject-Token")
        answer = self.about("GET", self.admin, subject)
        self.assertEqual((answer.code, answer.json), (200, login.json))
        self.assertEqual(answer.header("X-Subject-Token"), subject)

    def test_an_unscoped_token_is_told_as_such(self) -> None:
        login = self.cloud.login("alice", "unscoped")
        answer = self.about("GET", self.admin, login.header("X-Subject-Token"))
        self.assertEqual(answer.json, login.json)

    def test_head_has_no_body(self) -> None:
        answer = self.about("HEAD", self.admin, self.alice)
        self.assertEqual((answer.code, answer.body), (200, b""))

    def test_nocatalog_leaves_the_catalog_out(self) -> None:
        answer = self.about("GET", self.admin, self.alice, "?nocatalog")
        self.assertNotIn("catalog", answer.json["token"])

    def test_users_may_ask_about_their_own_tokens_only(self) -> None:
        self.assertEqual(self.about("GET", self.alice, self.alice).code, 200)
        self.assertEqual(self.about("GET", self.alice, self.cloud.token("alice")).code, 200)
        answer = self.about("GET", self.alice, self.admin)
        self.assertEqual(
            (answer.code, answer.message),
            (
                403,
                "You are not authorized to perform the requested action: identity:validate_token.",
            ),
        )

    def test_what_is_no_token_is_not_found(self) -> None:
        for subject, told in (
            ("bad", "Could not recognize Fernet token"),
            ("gAAAA" + "x" * 200, "Could not recognize Fernet token"),
            (self.alice[:-8], "Could not recognize Fernet token"),
            ("x" * 10_000, "Could not recognize Fernet token"),
            (None, "No token in the request"),
        ):
            answer = self.about("GET", self.admin, subject)
            self.assertEqual((answer.code, answer.message), (404, told))

    def test_an_ended_token_can_be_asked_about_with_allow_expired(self) -> None:
        self.cloud.now = START + 3601
        admin = self.cloud.token("admin")
        self.assertEqual(self.about("GET", admin, self.alice).message, "Failed to validate token")
        self.assertEqual(self.about("GET", admin, self.alice, "?allow_expired=1").code, 200)
        self.cloud.now = START + 3600 + 2 * 24 * 3600
        admin = self.cloud.token("admin")
        self.assertEqual(self.about("GET", admin, self.alice, "?allow_expired=1").code, 404)

    def test_an_ended_token_opens_nothing(self) -> None:
        self.cloud.now = START + 3599
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", self.alice).code, 200)
        self.cloud.now = START + 3600
        answer = self.cloud.ask("GET", "/v3/auth/projects", self.alice)
        self.assertEqual((answer.code, answer.message), (401, DENIED))

    def test_a_revoked_token_is_worth_nothing_at_once(self) -> None:
        bystander = self.cloud.token("alice")
        answer = self.about("DELETE", self.admin, self.alice)
        self.assertEqual((answer.code, answer.body), (204, b""))
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", self.alice).code, 401)
        self.assertEqual(self.about("GET", self.admin, self.alice).code, 404)
        self.assertEqual(self.about("GET", self.admin, self.alice, "?allow_expired=1").code, 404)
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", bystander).code, 200)

    def test_users_may_revoke_their_own_tokens_only(self) -> None:
        bob = self.cloud.token("bob")
        self.assertEqual(self.about("DELETE", bob, self.alice).code, 403)
        self.assertEqual(self.about("DELETE", self.alice, self.alice).code, 204)
        self.assertEqual(self.about("DELETE", self.alice, self.alice).code, 401)

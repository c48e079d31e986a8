"""
Trusts: given, used, handed on, taken back.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.identity.rows.accounts import assign
from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.cloud import Answer

TRUSTS = "/OS-TRUST/trusts"
DENIED = "The request you have made requires authentication."


class TrustCase(AskingCase):
    """
    Alice trusts bob.
    """

    def setUp(self) -> None:
        super().setUp()
        self.cloud.write(assign, "u-alice", "p1", "role-reader")
        self.alice = self.cloud.token("alice", {"project": {"id": "p1"}})

    def ask_for(self, token: str = "", **fields: Any) -> Answer:
        given = {
            "trustor_user_id": "u-alice",
            "trustee_user_id": "u-bob",
            "project_id": "p1",
            "impersonation": False,
            "roles": [{"name": "member"}],
        }
        return self.ask("POST", TRUSTS, {"trust": given | fields}, token or self.alice)

    def made(self, token: str = "", **fields: Any) -> dict[str, Any]:
        answer = self.ask_for(token, **fields)
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json["trust"]
        return made

    def use(self, trust: dict[str, Any], user: str = "bob") -> Answer:
        return self.cloud.login(user, {"OS-TRUST:trust": {"id": trust["id"]}})

    def token_of(self, trust: dict[str, Any], user: str = "bob") -> str:
        answer = self.use(trust, user)
        self.assertEqual(answer.code, 201, answer.body)
        return answer.header("X-Subject-Token")


class KeepingTests(TrustCase):
    def test_it_is_shown_as_it_was_given(self) -> None:
        made = self.made(expires_at="2027-01-15T09:00:00.123Z", note="holiday")
        here = f"http://cloud.test/identity/v3/OS-TRUST/trusts/{made['id']}"
        roles = made.pop("roles")
        self.assertEqual([role["name"] for role in roles], ["member"])
        self.assertTrue(roles[0]["links"]["self"].endswith("/v3/roles/role-member"))
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "trustor_user_id": "u-alice",
                "trustee_user_id": "u-bob",
                "project_id": "p1",
                "impersonation": False,
                "expires_at": "2027-01-15T09:00:00.000000Z",
                "deleted_at": None,
                "remaining_uses": None,
                "redelegated_trust_id": None,
                "redelegation_count": 0,
                "note": "holiday",
                "links": {"self": here},
                "roles_links": {"self": f"{here}/roles", "next": None, "previous": None},
            },
        )
        for token in (self.alice, self.bob, self.admin):
            shown = self.ask("GET", f"{TRUSTS}/{made['id']}", token=token).json["trust"]
            self.assertEqual(shown, made | {"roles": roles})

    def test_its_roles(self) -> None:
        path = f"{TRUSTS}/{self.made()['id']}/roles"
        listed = self.ask("GET", path, token=self.bob).json["roles"]
        self.assertEqual([role["id"] for role in listed], ["role-member"])
        self.assertEqual(self.ask("GET", f"{path}/role-member", token=self.alice).code, 200)
        self.assertEqual(self.ask("HEAD", f"{path}/role-member", token=self.alice).code, 200)
        self.assertEqual(self.ask("GET", f"{path}/role-reader", token=self.alice).code, 404)

    def test_lists_are_of_one_s_own(self) -> None:
        made = self.made()
        for token, query, code in (
            (self.alice, "?trustor_user_id=u-alice", 200),
            (self.bob, "?trustee_user_id=u-bob", 200),
            (self.admin, "", 200),
            (self.alice, "", 403),
            (self.bob, "?trustor_user_id=u-alice", 403),
            (self.alice, "?trustee_user_id=u-bob", 403),
            (self.bob, "?trustor_user_id__contains=u", 403),
        ):
            answer = self.ask("GET", f"{TRUSTS}{query}", token=token)
            self.assertEqual(answer.code, code, query)
            if code == 200:
                self.assertEqual([one["id"] for one in answer.json["trusts"]], [made["id"]])
                self.assertNotIn("roles", answer.json["trusts"][0])

    def test_what_is_refused(self) -> None:
        for fields, code, told in (
            ({"trustor_user_id": "u-bob"}, 403, "identity:create_trust"),
            ({"trustee_user_id": "nobody"}, 404, "user: nobody"),
            ({"roles": []}, 403, "At least one role"),
            ({"roles": [{"id": "role-admin"}]}, 404, "role: role-admin"),
            ({"roles": [{"name": "nope"}]}, 404, "nope"),
            ({"project_id": "p2"}, 404, "role: role-member"),
            ({"expires_at": "bad.123Z"}, 400, "Timestamp"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "must not be before now"),
            ({"remaining_uses": 0}, 400, "remaining_uses"),
            ({"remaining_uses": 1, "allow_redelegation": True}, 400, "remaining_uses"),
            ({"redelegation_count": 4, "allow_redelegation": True}, 403, "greater than allowed 3"),
            ({"impersonation": "yes"}, 400, "impersonation"),
        ):
            self.told(self.ask_for(**fields), code, told)

    def test_columns_of_ours_are_not_for_clients(self) -> None:
        other = self.made()
        made = self.made(id="mine", deleted_at="x", redelegated_trust_id=other["id"])
        self.assertNotEqual(made["id"], "mine")
        self.assertEqual((made["deleted_at"], made["redelegated_trust_id"]), (None, None))

    def test_only_the_trustor_and_the_admin_end_it(self) -> None:
        path = f"{TRUSTS}/{self.made()['id']}"
        self.assertEqual(self.ask("DELETE", path, token=self.bob).code, 403)
        self.assertEqual(self.ask("DELETE", path, token=self.alice).code, 204)
        self.assertEqual(self.ask("GET", path, token=self.alice).code, 404)
        self.assertEqual(self.ask("GET", f"{TRUSTS}/none", token=self.alice).code, 404)


class UseTests(TrustCase):
    def test_the_trustee_gets_the_roles_of_the_trust(self) -> None:
        made = self.made()
        answer = self.use(made)
        token = answer.json["token"]
        self.assertEqual((token["user"]["id"], token["project"]["id"]), ("u-bob", "p1"))
        self.assertEqual([role["name"] for role in token["roles"]], ["member"])
        self.assertEqual(
            token["OS-TRUST:trust"],
            {
                "id": made["id"],
                "impersonation": False,
                "trustor_user": {"id": "u-alice"},
                "trustee_user": {"id": "u-bob"},
            },
        )
        headers = {"X-Subject-Token": answer.header("X-Subject-Token")}
        asked = self.cloud.ask("GET", "/v3/auth/tokens", self.admin, headers=headers)
        self.assertEqual(asked.json, answer.json)

    def test_an_impersonating_one_is_the_trustor(self) -> None:
        token = self.use(self.made(impersonation=True)).json["token"]
        self.assertEqual(token["user"]["id"], "u-alice")
        self.assertEqual(token["user"]["name"], "alice")
        self.assertEqual(token["OS-TRUST:trust"]["trustee_user"]["id"], "u-bob")

    def test_it_is_for_the_trustee_alone(self) -> None:
        made = self.made()
        for answer in (
            self.use(made, "alice"),
            self.use(made, "admin"),
            self.use({"id": "none"}),
        ):
            self.assertEqual((answer.code, answer.message), (401, DENIED))

    def test_it_ends_in_time_and_its_tokens_with_it(self) -> None:
        made = self.made(expires_at="2027-01-15T08:00:10Z")
        token = self.use(made).json["token"]
        self.assertEqual(token["expires_at"], "2027-01-15T08:00:10.000000Z")
        self.cloud.now += 10
        self.assertEqual(self.use(made).code, 401)
        self.assertEqual(self.ask("GET", f"{TRUSTS}/{made['id']}", token=self.alice).code, 404)

    def test_its_uses_are_counted(self) -> None:
        made = self.made(remaining_uses=2)
        path = f"{TRUSTS}/{made['id']}"
        self.assertEqual(self.use(made).code, 201)
        left = self.ask("GET", path, token=self.alice).json["trust"]["remaining_uses"]
        self.assertEqual(left, 1)
        self.assertEqual(self.use(made, "alice").code, 401)  # uses up nothing
        self.assertEqual([self.use(made).code for _ in range(2)], [201, 401])
        self.assertEqual(self.ask("GET", path, token=self.alice).code, 404)

    def test_taken_back_its_tokens_are_worth_nothing(self) -> None:
        made, other = self.made(), self.made()
        token, bystander = self.token_of(made), self.token_of(other)
        self.ask("DELETE", f"{TRUSTS}/{made['id']}", token=self.alice)
        self.assertEqual((self.worth(token), self.worth(bystander)), (401, 200))
        self.assertEqual(self.use(made).code, 401)

    def test_a_role_that_the_trustor_loses_ends_it(self) -> None:
        made = self.made()
        token = self.token_of(made)
        self.later()
        self.ask("DELETE", "/projects/p1/users/u-alice/roles/role-member")
        self.assertEqual(self.worth(token), 401)
        self.assertEqual(self.use(made).code, 401)

    def test_a_disabled_trustor_or_trustee_ends_it(self) -> None:
        for user in ("u-alice", "u-bob"):
            made = self.made()
            token = self.token_of(made)
            self.cloud.disable("user", user)
            self.later()
            self.assertEqual(self.worth(token), 401)
            self.assertEqual(self.use(made).code, 401)
            self.ask("PATCH", f"/users/{user}", {"user": {"enabled": True}})
            self.later()
            self.alice = self.cloud.token("alice", {"project": {"id": "p1"}})

    def test_its_tokens_make_nothing_that_lasts(self) -> None:
        token = self.token_of(self.made(impersonation=True))
        self.told(self.ask_for(token), 403, "redelegation depth of 0")
        body = {"application_credential": {"name": "robot"}}
        path = "/users/u-alice/application_credentials"
        self.told(self.ask("POST", path, body, token), 403, "issued via delegation")
        self.assertEqual(self.ask("GET", path, token=token).code, 403)
        factor = {"type": "totp", "blob": "x", "user_id": "u-alice", "project_id": "p1"}
        self.assertEqual(self.ask("POST", "/credentials", {"credential": factor}, token).code, 403)

    def test_its_tokens_lead_to_no_others(self) -> None:
        token = self.token_of(self.made(impersonation=True))
        for scope in (None, "unscoped", {"project": {"id": "p1"}}):
            answer = self.cloud.authenticate(scope=scope, token={"id": token})
            self.told(answer, 403, "Using trust-scoped token to create another token.")

    def test_application_credentials_and_trusts_don_t_mix(self) -> None:
        body = {"application_credential": {"name": "robot", "unrestricted": True}}
        path = "/users/u-alice/application_credentials"
        made = self.ask("POST", path, body, self.alice).json["application_credential"]
        shown = {"id": made["id"], "secret": made["secret"]}
        token = self.cloud.authenticate(application_credential=shown).header("X-Subject-Token")
        self.told(self.ask_for(token), 403, "not allowed for managing trusts")
        path = f"{TRUSTS}?trustor_user_id=u-alice"
        self.assertEqual(self.ask("GET", path, token=token).code, 403)


class RedelegationTests(TrustCase):
    """
    Alice trusts bob, who hands it on to the administrator.
    """

    def setUp(self) -> None:
        super().setUp()
        self.first = self.made(
            allow_redelegation=True, impersonation=True, expires_at="2027-01-15T08:30:00Z"
        )
        self.token = self.token_of(self.first)

    def on(self, **fields: Any) -> dict[str, Any]:
        return self.made(self.token, **{"trustee_user_id": "u-admin", **fields})

    def test_it_is_as_often_as_the_first_says_less_one(self) -> None:
        self.assertEqual(self.first["redelegation_count"], 3)
        second = self.on(allow_redelegation=True)
        self.assertEqual(second["redelegated_trust_id"], self.first["id"])
        self.assertEqual(second["redelegation_count"], 2)
        self.assertEqual(second["expires_at"], self.first["expires_at"])
        self.assertEqual(self.on()["redelegation_count"], 0)

    def test_it_gives_the_roles_of_the_first_trustor(self) -> None:
        token = self.use(self.on(), "admin").json["token"]
        self.assertEqual([role["name"] for role in token["roles"]], ["member"])

    def test_it_goes_no_further_than_the_first(self) -> None:
        admin = {"trustee_user_id": "u-admin"}
        for fields, code, told in (
            ({"roles": [{"id": "role-reader"}]}, 403, "Some of requested roles"),
            ({"expires_at": "2027-01-15T08:31:00Z"}, 403, "more than redelegated trust"),
            ({"remaining_uses": 3}, 403, "remaining_uses"),
            ({"allow_redelegation": True, "redelegation_count": 3}, 403, "redelegation_count"),
            ({"project_id": "p2"}, 403, "not in redelegated trust"),
        ):
            self.told(self.ask_for(self.token, **(admin | fields)), code, told)

    def test_who_does_not_impersonate_hands_on_no_impersonation(self) -> None:
        plain = self.made(allow_redelegation=True)
        token = self.token_of(plain)
        fields = {"trustor_user_id": "u-bob", "trustee_user_id": "u-admin"}
        self.told(self.ask_for(token, impersonation=True, **fields), 403, "Impersonation")
        token = self.use(self.made(token, **fields), "admin").json["token"]
        self.assertEqual(token["user"]["id"], "u-admin")
        self.assertEqual([role["name"] for role in token["roles"]], ["member"])

    def test_the_end_of_the_first_ends_all(self) -> None:
        second = self.on()
        token = self.token_of(second, "admin")
        self.ask("DELETE", f"{TRUSTS}/{self.first['id']}", token=self.alice)
        self.assertEqual(self.worth(token), 401)
        self.assertEqual(self.use(second, "admin").code, 401)
        self.assertEqual(self.ask("GET", f"{TRUSTS}/{second['id']}").code, 404)

    def test_whoever_leaves_in_between_ends_it(self) -> None:
        second = self.on()
        token = self.token_of(second, "admin")
        self.later()
        self.ask("DELETE", "/users/u-bob")
        self.assertEqual(self.worth(token), 401)
        self.assertEqual(self.use(second, "admin").code, 401)

    def test_what_the_first_trustor_loses_is_lost_to_all(self) -> None:
        plain = self.made(allow_redelegation=True)
        fields = {"trustor_user_id": "u-bob", "trustee_user_id": "u-admin"}
        second = self.made(self.token_of(plain), **fields)
        token = self.token_of(second, "admin")
        self.later()
        self.ask("DELETE", "/projects/p1/users/u-alice/roles/role-member")
        self.assertEqual(self.worth(token), 401)
        self.assertEqual(self.use(second, "admin").code, 401)

"""
/v3/credentials and /v3/users/<id>/credentials/OS-EC2: sealed, and seen by their owner.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Connection, select

from synnefo_tx.identity.rows.credentials import seal_anew
from synnefo_tx.identity.rows.delegation_tables import credentials
from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled
from tests.synnefo_tx.identity.asking import AskingCase
from tests.synnefo_tx.identity.test_application_credentials import CredentialCase

EC2 = "/users/u-alice/credentials/OS-EC2"


class SecretCase(AskingCase):
    def kept(self, token: str = "", **fields: Any) -> dict[str, Any]:
        given = {"type": "cert", "blob": "swordfish", "user_id": "u-alice"} | fields
        answer = self.ask("POST", "/credentials", {"credential": given}, token or self.alice)
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json["credential"]
        return made

    def stored(self) -> list[str]:
        def blobs(connection: Connection) -> list[str]:
            return list(connection.execute(select(credentials.c.blob)).scalars())

        found: list[str] = self.cloud.write(blobs)
        return found


class CredentialTests(SecretCase):
    def test_it_is_shown_as_it_was_given(self) -> None:
        made = self.kept(project_id="p1", colour="blue")
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "type": "cert",
                "blob": "swordfish",
                "user_id": "u-alice",
                "project_id": "p1",
                "colour": "blue",
                "links": {"self": f"http://cloud.test/identity/v3/credentials/{made['id']}"},
            },
        )
        shown = self.ask("GET", f"/credentials/{made['id']}", token=self.alice)
        self.assertEqual(shown.json["credential"], made)

    def test_in_the_database_it_is_sealed(self) -> None:
        self.kept()
        self.assertNotIn("swordfish", self.stored()[0])

    def test_lists_are_of_what_the_caller_may_see(self) -> None:
        self.kept()
        self.kept(self.admin, user_id="u-bob", type="other")
        for token, query, found in (
            (self.admin, "", 2),
            (self.alice, "", 1),
            (self.admin, "?user_id=u-bob", 1),
            (self.admin, "?type=other", 1),
            (self.alice, "?user_id=u-bob", 0),
        ):
            listed = self.ask("GET", f"/credentials{query}", token=token).json["credentials"]
            self.assertEqual(len(listed), found, query)

    def test_others_get_at_nothing(self) -> None:
        path = f"/credentials/{self.kept()['id']}"
        change = {"credential": {"blob": "x"}}
        for method, body in (("GET", None), ("PATCH", change), ("DELETE", None)):
            self.assertEqual(self.ask(method, path, body, self.bob).code, 403)
        given = {"type": "cert", "blob": "x", "user_id": "u-alice"}
        answer = self.ask("POST", "/credentials", {"credential": given}, self.bob)
        self.assertEqual(answer.code, 403)

    def test_it_can_be_changed_and_deleted(self) -> None:
        path = f"/credentials/{self.kept()['id']}"
        after = self.ask("PATCH", path, {"credential": {"blob": "tuna"}}, self.alice)
        self.assertEqual(after.json["credential"]["blob"], "tuna")
        self.assertNotIn("tuna", self.stored()[0])
        given = {"credential": {"user_id": "u-bob"}}
        self.assertEqual(self.ask("PATCH", path, given, self.alice).code, 400)
        self.assertEqual(self.ask("DELETE", path, token=self.alice).code, 204)
        self.assertEqual(self.ask("GET", path).code, 404)

    def test_bodies_of_ec2_credentials(self) -> None:
        for fields, told in (
            ({"blob": "no json", "project_id": "p1"}, "Invalid blob in credential"),
            ({"blob": "{}", "project_id": "p1"}, "Expecting to find blob in credential"),
            ({"blob": '{"secret": "s"}', "project_id": "p1"}, "Expecting to find access"),
            ({"blob": '{"access": "a"}'}, "'project_id' is a required property"),
        ):
            given = {"type": "ec2", "user_id": "u-alice"} | fields
            answer = self.ask("POST", "/credentials", {"credential": given}, self.alice)
            self.told(answer, 400, told)

    def test_after_a_rotation_all_is_sealed_with_the_new_key(self) -> None:
        for _ in range(3):
            self.kept()
        new = Fernet.generate_key()
        box = SecretBox([new, *self.cloud.keys])
        last = self.cloud.write(seal_anew, box.seal_anew)
        self.assertIsNone(self.cloud.write(seal_anew, box.seal_anew, last))
        self.assertEqual({SecretBox([new]).open(one) for one in self.stored()}, {"swordfish"})
        old = SecretBox(self.cloud.keys)
        self.assertRaises(SecretGarbled, old.open, self.stored()[0])


class Ec2CredentialTests(SecretCase):
    def pair(self, token: str = "") -> dict[str, Any]:
        answer = self.ask("POST", EC2, {"tenant_id": "p1"}, token or self.alice)
        self.assertEqual(answer.code, 201, answer.body)
        made: dict[str, Any] = answer.json["credential"]
        return made

    def test_made_listed_shown_and_deleted(self) -> None:
        made = self.pair()
        self.assertEqual((made["user_id"], made["tenant_id"]), ("u-alice", "p1"))
        self.assertEqual((len(made["access"]), len(made["secret"])), (32, 32))
        path = f"{EC2}/{made['access']}"
        self.assertEqual(self.ask("GET", path, token=self.alice).json["credential"], made)
        listed = self.ask("GET", EC2, token=self.alice).json["credentials"]
        self.assertEqual(listed, [made])
        self.assertEqual(self.ask("DELETE", path, token=self.alice).code, 204)
        self.assertEqual(self.ask("GET", path, token=self.alice).code, 404)

    def test_it_is_a_credential_too(self) -> None:
        made = self.pair()
        listed = self.ask("GET", "/credentials?type=ec2", token=self.alice).json["credentials"]
        self.assertEqual(json.loads(listed[0]["blob"])["secret"], made["secret"])

    def test_others_get_at_nothing_whatever_the_path_says(self) -> None:
        access = self.pair()["access"]
        for user in ("u-alice", "u-bob"):
            for method in ("GET", "DELETE"):
                path = f"/users/{user}/credentials/OS-EC2/{access}"
                self.assertEqual(self.ask(method, path, token=self.bob).code, 403)
        self.assertEqual(self.ask("POST", EC2, {"tenant_id": "p2"}, self.bob).code, 403)

    def test_a_project_that_is_not_there(self) -> None:
        self.told(self.ask("POST", EC2, {"tenant_id": "none"}, self.alice), 404, "project: none")


class DelegatedTests(CredentialCase):
    """
    What tokens of application credentials may do to other credentials.
    """

    def test_a_restricted_one_changes_none(self) -> None:
        token = self.token_of(self.made())
        given = {"type": "cert", "blob": "x", "user_id": "u-alice", "project_id": "p1"}
        for path, body in (("/credentials", {"credential": given}), (EC2, {"tenant_id": "p1"})):
            self.assertEqual(self.ask("POST", path, body, token).code, 403)

    def test_an_unrestricted_one_makes_no_second_factor(self) -> None:
        token = self.token_of(self.made(unrestricted=True))
        for given in (
            {"type": "totp", "blob": "x", "user_id": "u-alice", "project_id": "p1"},
            {"type": "cert", "blob": "x", "user_id": "u-alice"},
        ):
            answer = self.ask("POST", "/credentials", {"credential": given}, token)
            self.assertEqual(answer.code, 403)
        given["project_id"] = "p1"
        made = self.ask("POST", "/credentials", {"credential": given}, token)
        path = f"/credentials/{made.json['credential']['id']}"
        answer = self.ask("PATCH", path, {"credential": {"type": "totp"}}, token)
        self.assertEqual(answer.code, 403)

    def test_an_access_key_is_bound_to_the_credential_that_made_it(self) -> None:
        made = self.made(unrestricted=True)
        token = self.token_of(made)
        self.ask("POST", EC2, {"tenant_id": "p1"}, token)
        listed = self.ask("GET", "/credentials", token=token).json["credentials"]
        blob = json.loads(listed[0]["blob"])
        self.assertEqual(blob["app_cred_id"], made["id"])
        del blob["app_cred_id"]
        path = f"/credentials/{listed[0]['id']}"
        answer = self.ask("PATCH", path, {"credential": {"blob": json.dumps(blob)}}, token)
        self.told(answer, 400, "app_cred_id can not be updated")

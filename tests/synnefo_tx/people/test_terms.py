"""
Terms of use: published, read, signed, and asked for at log-ins.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import SECRETS
from tests.synnefo_tx.people.people_cloud import EVE, PeopleCase

OWN = {"name": EVE["name"], "password": EVE["password"]}
DENIED = "The request you have made requires authentication."
FIRST = (
    "Version 1 of the terms of use is not signed. Read it at /account/v1.0/people/terms and sign "
    "it at /account/v1.0/people/terms/1/sign."
)


class TermsCase(PeopleCase):
    settings = SignUp(open=True, moderated=False)

    def setUp(self) -> None:
        super().setUp()
        self.admin = self.cloud.token("admin")

    def publish(self, content: str = "Be kind.") -> Any:
        return self.done(201, "POST", "/terms", {"content": content}, self.admin)["terms"]


class PublishingTests(TermsCase):
    def test_none(self) -> None:
        for path in ("/terms", "/terms/1", "/terms/0", "/terms/x", "/terms/99999999999999999999"):
            self.refused(404, "GET", path)

    def test_anybody_reads_them(self) -> None:
        """The newest, and those before."""
        self.publish()
        self.publish("Be kinder.")
        told = {"version": 2, "content": "Be kinder.", "published_at": "2027-01-15T08:00:00Z"}
        self.assertEqual(self.done(200, "GET", "/terms")["terms"], told)
        self.assertEqual(self.done(200, "GET", "/terms/1")["terms"]["content"], "Be kind.")
        self.refused(404, "GET", "/terms/3")

    def test_bodies(self) -> None:
        for body in ({}, {"content": ""}, {"content": 7}, {"content": "x", "version": 9}, []):
            self.refused(400, "POST", "/terms", body, self.admin)
        self.refused(404, "GET", "/terms")

    def test_audit(self) -> None:
        self.publish()
        self.assertEqual(len(self.audit("account:publish_terms")), 1)


class SigningTests(TermsCase):
    def setUp(self) -> None:
        super().setUp()
        self.user_id = self.verified()

    def sign(self, code: int, version: int = 1, **fields: Any) -> Any:
        return self.done(code, "POST", f"/terms/{version}/sign", OWN | fields)

    def test_a_log_in_waits_for_them(self) -> None:
        """The refusal names the version and the place, to who has the right password."""
        self.publish()
        self.assertEqual(self.log_in(), (401, FIRST))
        self.assertNotIn("terms", self.log_in(password="guess")[1])
        self.sign(204)
        self.assertEqual(self.log_in()[0], 201)

    def test_the_next_version_is_asked_for_anew(self) -> None:
        self.publish()
        self.sign(204)
        self.publish("Be kinder.")
        self.assertIn("Version 2", self.log_in()[1])
        self.assertIn("not in force", self.sign(409)["conflict"]["message"])
        self.sign(204, 2)
        self.assertEqual(self.log_in()[0], 201)

    def test_by_token(self) -> None:
        """Before the next log-in needs it."""
        _, token = self.log_in()
        self.publish()
        self.done(204, "POST", "/terms/1/sign", token=token)
        self.assertEqual(self.log_in()[0], 201)

    def test_twice_changes_nothing(self) -> None:
        self.publish()
        self.sign(204)
        self.sign(204)
        path = f"/{self.user_id}"
        self.assertEqual(self.done(200, "GET", path, token=self.admin)["person"]["signed_terms"], 1)

    def test_who_may_not(self) -> None:
        """A wrong password, nobody, no version, a token that was handed on."""
        self.publish()
        self.sign(401, password="guess")
        self.sign(401, name="nobody")
        self.sign(401, domain_id="other")
        self.sign(404, 2)
        self.sign(404, 0)
        self.sign(400, password=7)
        self.sign(400, domain_id=None)
        self.done(401, "POST", "/terms/1/sign", token="no token")
        self.assertEqual(self.log_in(), (401, FIRST))

    def test_an_application_credential_signs_nothing(self) -> None:
        _, token = self.log_in()
        path = f"/v3/users/{self.user_id}/application_credentials"
        body = {"application_credential": {"name": "robot", "secret": "x"}}
        made = self.cloud.ask("POST", path, token, body).json["application_credential"]
        self.publish()
        robot = {"id": made["id"], "secret": "x"}
        answer = self.cloud.authenticate(application_credential=robot)
        self.assertEqual(answer.code, 201, answer.body)  # programs are asked for no signature
        token = answer.header("X-Subject-Token")
        self.refused(403, "POST", "/terms/1/sign", token=token)

    def test_somebody_who_is_disabled(self) -> None:
        """Does not learn whether the password is right."""
        self.publish()
        self.sign(204)
        self.done(200, "POST", f"/{self.user_id}/action", {"deactivate": {}}, self.admin)
        self.sign(401)
        self.publish("Be kinder.")
        self.sign(401, 2)
        self.assertEqual(self.log_in(), self.log_in(password="guess"))

    def test_wrong_passwords_are_slowed_down_as_at_log_ins(self) -> None:
        self.publish()
        for _ in range(5):
            self.sign(401, password="guess")
        self.assertEqual(self.log_in(), (401, DENIED))  # too soon after so many

    def test_audit(self) -> None:
        self.publish()
        self.sign(204)
        self.assertEqual(self.audit("account:sign_terms"), [(self.user_id, {"version": 1})])


class WithTheRegistrationTests(TermsCase):
    def test_signed_at_once(self) -> None:
        self.publish()
        self.verified(terms=1)
        self.assertEqual(self.log_in()[0], 201)

    def test_those_in_force_alone(self) -> None:
        """Refused alike, whoever has the address."""
        self.verified()
        self.publish()
        self.publish()
        for name, email in (("eve2", EVE["email"]), ("bob2", "bob2@example.org")):
            body = EVE | {"name": name, "email": email}
            self.refused(409, "POST", body=body | {"terms": 1})
            self.refused(404, "POST", body=body | {"terms": 3})


class OthersTests(TermsCase):
    def test_users_of_administrators_sign_nothing(self) -> None:
        self.publish()
        self.assertEqual(self.log_in("alice", SECRETS["alice"])[0], 201)

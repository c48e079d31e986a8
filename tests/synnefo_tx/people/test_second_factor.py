"""
People enrol a second factor, log in with it, lose it, and end it.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import select

from synnefo_tx.identity.rules.totp import code_at
from synnefo_tx.people import telling
from synnefo_tx.people.rows import addresses
from synnefo_tx.store.metadata import metadata
from tests.synnefo_tx.identity.cloud import SECRETS, Answer
from tests.synnefo_tx.people.people_cloud import PeopleCase

PASSWORD = SECRETS["alice"]
HERE = "/second-factor"


class FactorCase(PeopleCase):
    """
    `alice` is a token of hers, `secret` what she is given.
    """

    def setUp(self) -> None:
        super().setUp()
        self.alice = self.cloud.token("alice")
        self.secret = ""

    def code(self) -> str:
        """That of the next half minute: each is good once."""
        self.cloud.now += 30
        key = base64.b32decode(self.secret)
        return code_at(key, int(self.cloud.now) // 30)

    def begin(self) -> dict[str, str]:
        told: dict[str, str] = self.done(201, "POST", HERE, token=self.alice)["second_factor"]
        self.secret = told["secret"]
        return told

    def confirm(self, ticket: str, code: str, password: str = PASSWORD) -> Answer:
        body = {"ticket": ticket, "code": code, "password": password}
        return self.ask("POST", f"{HERE}/confirm", body, token=self.alice)

    def enrolled(self) -> list[str]:
        """The recovery codes."""
        answer = self.confirm(self.begin()["ticket"], self.code())
        self.assertEqual(answer.code, 200, answer.body)
        codes: list[str] = answer.json["recovery_codes"]
        return codes

    def show(self) -> dict[str, Any]:
        told: dict[str, Any] = self.done(200, "GET", HERE, token=self.alice)["second_factor"]
        return told

    def by(self, code: str = "", receipt: str = "", password: str = PASSWORD) -> Answer:
        """A log-in with what is given."""
        user = {"name": "alice", "domain": {"id": "default"}}
        methods: dict[str, Any] = {}
        if password:
            methods["password"] = {"user": user | {"password": password}}
        if code:
            methods["totp"] = {"user": user | {"passcode": code}}
        body = {"auth": {"identity": {"methods": list(methods), **methods}}}
        headers = {"Openstack-Auth-Receipt": receipt} if receipt else {}
        return self.cloud.ask("POST", "/v3/auth/tokens", body=body, headers=headers)

    def change(self, what: str, code: str, password: str = PASSWORD) -> Answer:
        body = {"code": code, "password": password}
        return self.ask("POST", f"{HERE}/{what}", body, token=self.alice)


class EnrolTests(FactorCase):
    """A factor comes."""

    def test_the_address_for_a_program(self) -> None:
        """It has the secret, whose it is, and where."""
        told = self.begin()
        address = urlsplit(told["uri"])
        self.assertEqual((address.scheme, address.netloc), ("otpauth", "totp"))
        self.assertEqual(unquote(address.path), "/cloud.example.org:alice")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.assertEqual(query["secret"], self.secret)
        self.assertEqual((query["digits"], query["period"]), ("6", "30"))

    def test_nothing_changes_before_a_code_has_confirmed_it(self) -> None:
        """Whoever stops halfway logs in as before."""
        self.begin()
        self.assertFalse(self.show()["enrolled"])
        self.assertEqual(self.by().code, 201)

    def test_from_then_on_a_password_gives_a_receipt(self) -> None:
        """And the code beside it a token, at once or afterwards."""
        codes = self.enrolled()
        self.assertEqual((len(codes), len(set(codes))), (10, 10))
        told = {"enrolled": True, "asked_for": True, "recovery_codes_left": 10}
        self.assertEqual(self.show(), told)
        answer = self.by()
        self.assertEqual((answer.code, answer.header("X-Subject-Token")), (401, ""))
        receipt = answer.header("Openstack-Auth-Receipt")
        self.assertEqual(self.by(self.code(), receipt, password="").code, 201)
        self.assertEqual(self.by(self.code()).code, 201)
        self.assertEqual(self.by(self.code(), password="").code, 401)

    def test_the_code_that_confirmed_is_used(self) -> None:
        """Who looked over the shoulder has nothing."""
        ticket, code = self.begin()["ticket"], self.code()
        self.assertEqual(self.confirm(ticket, code).code, 200)
        self.assertEqual(self.by(code).code, 401)

    def test_it_takes_the_password(self) -> None:
        """A token that was found is not enough."""
        ticket = self.begin()["ticket"]
        self.assertEqual(self.confirm(ticket, self.code(), "wrong").code, 403)
        self.assertEqual(self.by().code, 201)

    def test_it_takes_a_right_code(self) -> None:
        """Else the program does not have the secret."""
        self.assertEqual(self.confirm(self.begin()["ticket"], "000000").code, 403)

    def test_a_ticket_is_of_its_owner_and_its_time(self) -> None:
        """Nobody makes another enrol a secret that is known to both."""
        bob = self.cloud.token("bob")
        ticket = self.done(201, "POST", HERE, token=bob)["second_factor"]["ticket"]
        self.begin()
        self.assertEqual(self.confirm(ticket, self.code()).code, 400)
        own = self.begin()["ticket"]
        self.cloud.now += 900
        self.assertEqual(self.confirm(own, self.code()).code, 400)
        self.assertEqual(self.confirm(self.alice, self.code()).code, 400)

    def test_one_at_a_time(self) -> None:
        """The first is ended before there is another."""
        ticket = self.begin()["ticket"]
        self.assertEqual(self.confirm(ticket, self.code()).code, 200)
        self.assertEqual(self.confirm(ticket, self.code()).code, 409)
        self.assertEqual(self.ask("POST", HERE, token=self.alice).code, 409)

    def test_a_factor_that_was_planted_before_goes(self) -> None:
        """A thief of a token has made it by Keystone's call."""
        given = {"type": "totp", "blob": base64.b32encode(b"x" * 20).decode(), "user_id": "u-alice"}
        path = "/v3/credentials"
        self.assertEqual(self.cloud.ask("POST", path, self.alice, {"credential": given}).code, 201)
        self.enrolled()
        self.cloud.now += 30
        planted = code_at(b"x" * 20, int(self.cloud.now) // 30)
        self.assertEqual(self.by(planted).code, 401)

    def test_tokens_that_were_handed_on_enrol_nothing(self) -> None:
        """An application credential is not its owner."""
        made = {"application_credential": {"name": "robot", "unrestricted": True}}
        path = "/v3/users/u-alice/application_credentials"
        robot = self.cloud.ask("POST", path, self.alice, made).json["application_credential"]
        shown = {"id": robot["id"], "secret": robot["secret"]}
        answer = self.cloud.authenticate(application_credential=shown)
        self.alice = answer.header("X-Subject-Token")
        self.assertEqual(self.ask("POST", HERE, token=self.alice).code, 403)

    def test_application_credentials_keep_working(self) -> None:
        """Programs have no codes."""
        made = {"application_credential": {"name": "robot"}}
        path = "/v3/users/u-alice/application_credentials"
        robot = self.cloud.ask("POST", path, self.alice, made).json["application_credential"]
        self.enrolled()
        shown = {"id": robot["id"], "secret": robot["secret"]}
        self.assertEqual(self.cloud.authenticate(application_credential=shown).code, 201)

    def test_a_token_from_before_leads_to_no_other(self) -> None:
        """It had the password alone."""
        self.enrolled()
        self.assertEqual(self.cloud.authenticate(token={"id": self.alice}).code, 401)


class KeptTests(FactorCase):
    """A token alone does nothing to it."""

    def setUp(self) -> None:
        super().setUp()
        self.enrolled()
        self.alice = self.by(self.code()).header("X-Subject-Token")

    def credentials(self, token: str) -> list[dict[str, Any]]:
        answer = self.cloud.ask("GET", "/v3/credentials?user_id=u-alice", token)
        found: list[dict[str, Any]] = answer.json["credentials"]
        return found

    def test_the_secret_is_not_shown_again(self) -> None:
        """Not to an administrator either, nor what we note beside it."""
        for token in (self.alice, self.cloud.token("admin")):
            [one] = self.credentials(token)
            self.assertEqual((one["blob"], "enrolled" in one), ("", False))
            path = f"/v3/credentials/{one['id']}"
            self.assertNotIn(self.secret.encode(), self.cloud.ask("GET", path, token).body)

    def test_it_is_neither_changed_nor_removed_nor_joined(self) -> None:
        """By Keystone's own calls."""
        [one] = self.credentials(self.alice)
        path = f"/v3/credentials/{one['id']}"
        other = {"type": "totp", "blob": self.secret, "user_id": "u-alice"}
        cert = {"type": "cert", "blob": self.secret, "user_id": "u-alice"}
        answer = self.cloud.ask("POST", "/v3/credentials", self.alice, {"credential": cert})
        retyped = f"/v3/credentials/{answer.json['credential']['id']}"
        for method, where, body in (
            ("DELETE", path, None),
            ("PATCH", path, {"credential": {"blob": other["blob"]}}),
            ("PATCH", path, {"credential": {"type": "cert"}}),
            ("POST", "/v3/credentials", {"credential": other}),
            ("PATCH", retyped, {"credential": {"type": "totp"}}),
        ):
            self.assertEqual(self.cloud.ask(method, where, self.alice, body).code, 403, where)

    def test_nobody_says_that_a_factor_was_enrolled(self) -> None:
        """What we note is not for clients to give."""
        bob = self.cloud.token("bob")
        given = {"type": "totp", "blob": self.secret, "user_id": "u-bob", "enrolled": True}
        self.cloud.ask("POST", "/v3/credentials", bob, {"credential": given})
        told = self.done(200, "GET", HERE, token=bob)["second_factor"]
        self.assertFalse(told["enrolled"])


class EndTests(FactorCase):
    """A factor goes."""

    def test_it_ends_by_password_and_code(self) -> None:
        """Not by one of them."""
        self.enrolled()
        for code, password in ((self.code(), "wrong"), ("000000", PASSWORD)):
            self.assertEqual(self.change("end", code, password).code, 403)
        self.assertEqual(self.by().code, 401)
        self.assertEqual(self.change("end", self.code()).code, 204)
        told = {"enrolled": False, "asked_for": False, "recovery_codes_left": 0}
        self.assertEqual(self.show(), told)
        self.assertEqual(self.by().code, 201)
        self.assertEqual(
            [target for target, _ in self.audit("account:end_second_factor")], ["u-alice"]
        )

    def test_a_recovery_code_stands_for_a_code(self) -> None:
        """Once: whoever has lost the telephone logs in, and ends the factor."""
        codes = self.enrolled()
        self.assertEqual(self.by(codes[0]).code, 201)
        self.assertEqual(self.by(codes[0]).code, 401)
        self.assertEqual(self.show()["recovery_codes_left"], 9)
        self.assertEqual(self.change("end", codes[1]).code, 204)
        self.assertEqual(self.by(codes[2], password="").code, 401)

    def test_other_recovery_codes_end_those_before(self) -> None:
        """Ten again."""
        before = self.enrolled()
        answer = self.change("recovery-codes", self.code())
        self.assertEqual(len(answer.json["recovery_codes"]), 10)
        self.assertEqual(self.by(before[0]).code, 401)
        self.assertEqual(self.by(answer.json["recovery_codes"][0]).code, 201)

    def test_what_an_administrator_asks_for_stays(self) -> None:
        """The person can't lift it, and would be locked out."""
        options = {"multi_factor_auth_rules": [["password", "totp"]]}
        self.cloud.change("user", "u-alice", {"options": options})
        self.enrolled()
        self.assertEqual(self.change("end", self.code()).code, 409)
        self.assertEqual(self.by().code, 401)

    def test_an_administrator_ends_that_of_another(self) -> None:
        """Who has lost everything asks one; nobody else may."""
        self.enrolled()
        path = "/u-alice/second-factor"
        self.assertEqual(self.ask("DELETE", path, token=self.cloud.token("bob")).code, 403)
        admin = self.cloud.token("admin")
        self.assertEqual(self.ask("DELETE", path, token=admin).code, 204)
        self.assertEqual(self.by().code, 201)
        self.assertEqual(self.ask("DELETE", path, token=admin).code, 409)
        self.assertEqual(self.ask("DELETE", "/nobody/second-factor", token=admin).code, 404)

    def test_the_owner_is_told(self) -> None:
        """At a verified address: it may have been a thief."""
        self.enrolled()
        self.assertEqual(self.letters(), [])
        self.cloud.write(addresses.claim, "default", "alice@cloud.test", "u-alice")
        self.change("recovery-codes", self.code())
        self.change("end", self.code())
        found = [(one.template, one.to, one.values["what"]) for one in self.letters()]
        to = ("log-in-changed", "alice@cloud.test")
        self.assertEqual(found, [(*to, telling.RENEWED), (*to, telling.ENDED)])

    def test_secrets_are_sealed_or_hashed(self) -> None:
        """Who reads the database has neither the secret nor a code."""
        codes = self.enrolled()
        with self.cloud.database.engine.connect() as connection:
            rows = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
        dump = str(rows).upper()
        self.assertIn("U-ALICE", dump)
        for secret in (self.secret, *codes, *(one.replace("-", "") for one in codes)):
            self.assertNotIn(secret, dump)

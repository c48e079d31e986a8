"""
Those who log in by another provider are let in by the rules of those who sign up.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.people.mail.tables import mail_queue
from synnefo_tx.people.rows import signing
from synnefo_tx.people.tickets import LASTS_S
from tests.synnefo_tx.identity.cloud import Answer
from tests.synnefo_tx.people.external.a_cloud import ACCOUNT
from tests.synnefo_tx.people.external.test_openid_api import OpenidCase

CAROL = {"email": "carol@example.org", "email_verified": True}


class TermsTests(OpenidCase):
    def setUp(self) -> None:
        super().setUp()
        self.log_in(**CAROL)
        self.cloud.write(signing.publish, "Be kind.", 1)

    def sign(self, ticket: str, version: int = 1) -> int:
        url = f"{ACCOUNT}/terms/{version}/sign"
        return self.ask_at(url, "POST", more={"X-Sign-Ticket": ticket}).code

    def ticket(self) -> str:
        answer = self.log_in()
        self.assertEqual(answer.code, 401, answer.body)
        self.assertIn(b"Version 1 of the terms of use is not signed.", answer.body)
        self.assertEqual(answer.header("X-Subject-Token"), "")
        return answer.header("X-Sign-Ticket")

    def test_signed_by_a_ticket(self) -> None:
        """Who has no password here gets it with the refusal."""
        self.assertEqual(self.sign(self.ticket()), 204)
        self.user(self.log_in())

    def test_a_ticket_ends(self) -> None:
        ticket = self.ticket()
        self.cloud.now += LASTS_S
        self.assertEqual(self.sign(ticket), 401)

    def test_a_ticket_is_no_token(self) -> None:
        ticket = self.ticket()
        self.assertEqual(self.cloud.ask("GET", "/v3/auth/projects", ticket).code, 401)

    def test_what_is_no_ticket(self) -> None:
        """Made up, or sealed by the same keys for something else."""
        other = self.context.secrets.seal('log-in ["u-alice",9999999999]')
        for text in (
            "x",
            self.ticket()[:-6] + "xxxxxx",
            other,
            self.context.secrets.seal("sign x"),
        ):
            self.assertEqual(self.sign(text), 401, text)

    def test_a_ticket_of_a_disabled_user(self) -> None:
        """It signs as far as a log-in would be told why; else nothing."""
        ticket = self.ticket()
        self.assertEqual(self.sign(ticket), 204)
        user = self.user(self.log_in())
        self.cloud.disable("user", user["id"])
        self.assertEqual(self.sign(ticket), 401)


class ModerationTests(OpenidCase):
    def setUp(self) -> None:
        super().setUp()
        self.known(accounts=AccountRules(moderated=True))
        self.admin = self.cloud.token("admin")

    def refused(self, answer: Answer, why: bytes) -> None:
        self.assertEqual(answer.code, 401, answer.body)
        self.assertIn(why, answer.body)

    def waiting(self) -> Any:
        answer = self.ask_at(f"{ACCOUNT}?state=pending", "GET", self.admin)
        return answer.json["people"]

    def act(self, user_id: str, action: str) -> None:
        url = f"{ACCOUNT}/{user_id}/action"
        answer = self.ask_at(url, "POST", self.admin, {action: {}})
        self.assertEqual(answer.code, 200, answer.body)

    def test_accepted(self) -> None:
        """The account waits, and is the same afterwards."""
        for _ in range(2):
            self.refused(self.log_in(**CAROL), b"The account is not accepted yet.")
        [person] = self.waiting()
        self.assertEqual((person["name"], person["email"]), ("carol", "carol@example.org"))
        self.act(person["id"], "accept")
        self.assertEqual(self.user(self.log_in())["id"], person["id"])

    def test_rejected(self) -> None:
        self.log_in(**CAROL)
        [person] = self.waiting()
        self.act(person["id"], "reject")
        self.refused(self.log_in(**CAROL), b"The account was rejected.")

    def test_without_an_address(self) -> None:
        """Nobody is written to, least of all at what is no address."""
        self.log_in(email="carol@example.org\r\nBcc: all@example.org", email_verified=True)
        [person] = self.waiting()
        self.assertEqual(person["email"], "")
        self.act(person["id"], "accept")
        self.assertEqual(self.cloud.write(lambda c: c.execute(select(mail_queue)).all()), [])
        self.user(self.log_in())

    def test_an_account_of_before_is_not_moderated(self) -> None:
        """Who adds a provider to it is in already."""
        alice = self.cloud.token("alice")
        self.assertEqual(self.user(self.back(self.begin(alice)))["name"], "alice")
        self.assertEqual(self.waiting(), [])

"""
The page on which the browser of a letter's reader lands.
"""

from __future__ import annotations

import re

from synnefo_tx.people.rows import signing
from synnefo_tx.people.settings import SignUp
from tests.synnefo_tx.identity.cloud import Answer
from tests.synnefo_tx.people.people_cloud import EVE, PeopleCase


class PageCase(PeopleCase):
    def page(self, code: int, answer: Answer) -> str:
        """Its text; what every page must have is looked at."""
        self.assertEqual(answer.code, code, answer.body)
        self.assertEqual(answer.header("Content-Type"), "text/html; charset=utf-8")
        policy = answer.header("Content-Security-Policy")
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertEqual(answer.header("Referrer-Policy"), "no-referrer")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        text = answer.body.decode()
        self.assertNotIn("<script", text)
        self.assertNotIn("http", re.sub(r"(?s)<style>.*</style>", "", text))
        return text


class VerifyingTests(PageCase):
    def test_looking_does_nothing(self) -> None:
        """Programs that look at mail open links too."""
        link = self.registered().link
        for _ in range(2):
            text = self.page(200, self.ask("GET", f"/verify?link={link}"))
            self.assertIn(EVE["email"], text)
            self.assertIn(f'value="{link}"', text)
        self.assertEqual(self.log_in()[1], "The e-mail address is not verified.")

    def test_the_button_verifies(self) -> None:
        link = self.registered().link
        text = self.page(200, self.ask("POST", "/verify", form={"link": link}))
        self.assertIn("An administrator", text)
        self.assertEqual(self.log_in()[1], "The account is not accepted yet.")

    def test_a_link_that_was_used(self) -> None:
        link = self.registered().link
        self.ask("POST", "/verify", form={"link": link})
        self.page(404, self.ask("POST", "/verify", form={"link": link}))
        self.page(404, self.ask("GET", f"/verify?link={link}"))

    def test_links_that_are_none(self) -> None:
        for query in ("", "?link=", "?link=x", "?link=%3Cscript%3Ealert(1)"):
            self.cloud.now += 900
            self.page(404, self.ask("GET", f"/verify{query}"))
        self.cloud.now += 900
        self.page(404, self.ask("POST", "/verify", form={"other": "x"}))

    def test_names_are_escaped(self) -> None:
        link = self.registered(name='<b onclick="x">', email="a&b'@example.org").link
        text = self.page(200, self.ask("GET", f"/verify?link={link}"))
        self.assertNotIn("<b ", text)
        self.assertIn("&lt;b onclick=&quot;x&quot;&gt;", text)

    def test_the_address_is_another_s_meanwhile(self) -> None:
        first, second = self.registered(name="mallory").link, self.registered().link
        self.ask("POST", "/verify", form={"link": second})
        self.page(409, self.ask("POST", "/verify", form={"link": first}))

    def test_too_many_wrong_ones(self) -> None:
        for _ in range(3):
            self.page(404, self.ask("GET", "/verify?link=a.b"))
        answer = self.ask("GET", "/verify?link=a.b")
        self.page(429, answer)
        self.assertEqual(answer.header("Retry-After"), "1")


class SigningTests(PageCase):
    settings = SignUp(open=True, moderated=False)

    def setUp(self) -> None:
        super().setUp()
        self.verified()
        self.cloud.write(signing.publish, "Be <b>kind</b>.\nAlways.", 1)

    def sign(self, version: int = 1, **fields: str) -> Answer:
        form = {"name": "eve", "domain_id": "default", "password": EVE["password"]}
        return self.ask("POST", f"/terms/{version}/sign", form=form | fields)

    def test_the_text_is_shown(self) -> None:
        """As text, whatever is in it."""
        text = self.page(200, self.ask("GET", "/terms/1/sign"))
        self.assertIn("Be &lt;b&gt;kind&lt;/b&gt;.\nAlways.", text)
        self.page(404, self.ask("GET", "/terms/2/sign"))
        self.page(404, self.ask("GET", "/terms/x/sign"))

    def test_signed(self) -> None:
        self.assertIn("You have signed version 1", self.page(200, self.sign()))
        self.assertEqual(self.log_in()[0], 201)

    def test_a_wrong_password(self) -> None:
        """The form is there to try again; nothing is signed."""
        text = self.page(401, self.sign(password="guess"))
        self.assertIn("<form", text)
        self.page(401, self.sign(name="nobody"))
        self.assertEqual(self.log_in()[0], 401)

    def test_another_version(self) -> None:
        self.page(404, self.sign(2))
        self.cloud.write(signing.publish, "Be kinder.", 1)
        self.page(409, self.sign(1))
        self.page(200, self.sign(2))

    def test_forms_that_are_none(self) -> None:
        self.page(400, self.sign(password=""))
        self.page(400, self.sign(other="x"))

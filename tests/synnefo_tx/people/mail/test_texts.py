"""
Texts of letters, and what a mail server gets of them.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.people.errors import BadField
from synnefo_tx.people.mail.compose import compose
from synnefo_tx.people.mail.fields import FIELDS
from synnefo_tx.people.mail.model import Letter
from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.mail.templates import BadTemplate, Templates
from tests.synnefo_tx.people.mail.a_queue import NOW

OURS = Templates.load(None, "Synnefo")
SETTINGS = Mail(sender="cloud@example.org", sender_name="The cloud")


def a_letter(template: str, to: str = "eve@example.org", **filling: str) -> Letter:
    return Letter("i" * 32, "c", template, to, filling, NOW, None, 1)


def made(letter: Letter) -> EmailMessage:
    """As its reader's program sees it."""
    content = compose(letter, OURS, SETTINGS)
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


class ComposeTests(SynchronousTestCase):
    def test_headers(self) -> None:
        letter = made(a_letter("verify", name="eve", url="https://c/?link=x"))
        self.assertEqual(letter["From"], "The cloud <cloud@example.org>")
        self.assertEqual(letter["To"], "eve@example.org")
        self.assertEqual(letter["Subject"], "Verify your address for Synnefo")
        self.assertEqual(letter["Date"], "Fri, 15 Jan 2027 08:00:00 +0000")
        self.assertEqual(letter["Message-ID"], f"<{'i' * 32}@example.org>")
        self.assertEqual(letter["Auto-Submitted"], "auto-generated")
        self.assertEqual(letter.get_content_type(), "text/plain")

    def test_every_letter_of_ours(self) -> None:
        """Says all that it is given, but for what only headers need."""
        for name, fields in FIELDS.items():
            text = OURS.fill(name, {field: f"<{field}>" for field in fields})
            self.assertNotIn("$", text.subject + text.body, name)
            self.assertTrue(all(len(line) <= 100 for line in text.body.splitlines()), name)

    def test_a_link_comes_whole(self) -> None:
        url = f"https://cloud.example.org/account/v1.0/people/verify?link={'a' * 76}"
        letter = made(a_letter("verify", name="eve", url=url))
        self.assertIn(f"\n{url}\n", letter.get_content())

    def test_other_letters_than_ascii(self) -> None:
        letter = made(a_letter("join-requested", project="Γραφείο", user="Ζωή", reason="", url="u"))
        self.assertEqual(letter["Subject"], "Ζωή wants to join Γραφείο at Synnefo")
        self.assertIn("Ζωή", letter.get_content())

    def test_what_people_wrote_is_marked(self) -> None:
        """Nobody takes it for the cloud's own words."""
        reason = "no\n\nClick https://evil.example\x1b[2J"
        letter = made(a_letter("account-rejected", name="e", email="", url="u", reason=reason))
        self.assertIn("\n> no\n>\n> Click https://evil.example [2J\n", letter.get_content())

    def test_nothing_is_put_in_twice(self) -> None:
        letter = made(a_letter("verify", name="$url ${cloud} $$", url="secret"))
        self.assertIn("Hello $url ${cloud} $$,", letter.get_content())

    def test_an_address_that_is_none(self) -> None:
        for to in ("eve", "eve@example.org, mallory@example.org", "eve@example.org\nBcc: x@y.org"):
            with self.assertRaises(BadField):
                made(a_letter("verify", to, name="eve", url="u"))

    @given(st.text(), st.text(), st.text())
    def test_no_headers_by_values(self, name: str, project: str, reason: str) -> None:
        filling = {"user": name, "project": project, "reason": reason, "url": "https://c"}
        content = compose(a_letter("join-requested", **filling), OURS, SETTINGS)
        head, _, _ = content.partition(b"\n\n")
        names = [line.split(b":")[0] for line in head.split(b"\n") if line[:1] not in b" \t"]
        known = b"Subject From To Date Message-ID Auto-Submitted Content-Type"
        more = b"Content-Transfer-Encoding MIME-Version"
        self.assertEqual(sorted(names), sorted(known.split() + more.split()))


class OwnTests(SynchronousTestCase):
    """Texts of an operator."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def load(self, text: str, name: str = "verify") -> Templates:
        (self.directory / f"{name}.txt").write_text(text, encoding="utf-8")
        return Templates.load(str(self.directory), "Synnefo")

    def test_in_place_of_ours(self) -> None:
        """The others stay."""
        found = self.load("Subject: Χαίρε $name\n\n$cloud: $url\n")
        text = found.fill("verify", {"name": "eve", "url": "u"})
        self.assertEqual((text.subject, text.body), ("Χαίρε eve", "Synnefo: u\n"))
        self.assertIn("link", found.fill("reset", {"name": "eve", "url": "u"}).body)

    def test_what_is_wrong_is_told_at_the_start(self) -> None:
        for text in (
            "",
            "Hello\n\n",
            "Subject: x\nbody",
            "Subject: x\n\n$nothing",
            "Subject: $\n\n",
        ):
            with self.assertRaises(BadTemplate):
                self.load(text)


class SettingsTests(SynchronousTestCase):
    def test_what_is_refused(self) -> None:
        server = {"host": "m", "sender": "a@b.org"}
        for wrong in (
            {"host": "m"},
            server | {"sender": "nobody"},
            server | {"user": "u"},
            server | {"user": "u", "password_file": "f", "tls": "off"},
            server | {"tls": "maybe"},
            server | {"port": 0},
            server | {"timeout_s": 0},
            {"admins": ["root"]},
        ):
            with self.assertRaises(msgspec.ValidationError):
                self.read(wrong)
        self.assertEqual(self.read(server).tls, "starttls")

    def read(self, given: Any) -> Mail:
        return msgspec.convert(given, Mail)

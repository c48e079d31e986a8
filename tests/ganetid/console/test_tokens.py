"""
Tokens: which ones open a console, and how often.
"""

from __future__ import annotations

import base64
import time
from pathlib import Path

import msgspec
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.console.spent import SpentTokens
from ganetid.console.tokens import BadToken, Ticket, read_token, ticket, token_of

SECRET = b"0123456789abcdef"
TICKET = ticket("web", "vnc", "one", "/run/web/vnc.sock", 1000.0)


class TokenTests(SynchronousTestCase):
    """What a token says, and to whom."""

    def refused(self, token: str, node: str = "one", now: float = 1001.0) -> str:
        return str(self.assertRaises(BadToken, read_token, SECRET, token, node, now))

    def test_good(self) -> None:
        """A fresh token says what was put into it, on its node."""
        self.assertEqual(read_token(SECRET, token_of(SECRET, TICKET), "one", 1059.0), TICKET)

    def test_time_and_place(self) -> None:
        """It is good for a minute, on one node, and never for more than an hour."""
        token = token_of(SECRET, TICKET)
        self.assertEqual(self.refused(token, now=1060.0), "expired")
        self.assertEqual(self.refused(token, node="two"), "for node one")
        eternal = token_of(SECRET, evolve(TICKET, expires=1e12))
        self.assertEqual(self.refused(eternal), "expired")
        never = token_of(SECRET, evolve(TICKET, expires=float("nan")))
        self.refused(never)

    def test_id(self) -> None:
        """An id is a name for a file, so it has nothing but its digits."""
        for bad in ("../x", "", "0" * 31, "g" * 32):
            self.refused(token_of(SECRET, evolve(TICKET, id=bad)))

    def test_other_secret(self) -> None:
        """Another secret's token is none, and a short secret is none either."""
        self.refused(token_of(b"x" * 16, TICKET))
        self.assertRaises(ValueError, token_of, b"short", TICKET)

    def test_changed(self) -> None:
        """A token that says something else than was proved is none."""
        payload, _, proof = token_of(SECRET, TICKET).partition(".")
        other = msgspec.json.encode(evolve(TICKET, instance="other"))
        forged = base64.urlsafe_b64encode(other).rstrip(b"=").decode()
        for bad in (f"{forged}.{proof}", payload, f"{payload}.", f"{payload}.{proof}x", "." * 3):
            self.refused(bad)

    @given(st.text(max_size=200))
    def test_anything(self, text: str) -> None:
        """Nothing else opens anything."""
        self.refused(text)

    @given(st.binary(max_size=60))
    def test_proved_nonsense(self, data: bytes) -> None:
        """Even with the right proof, what is no ticket is none."""
        from ganetid.console import tokens

        payload = tokens._coded(data)
        self.refused(f"{payload}.{tokens._coded(tokens._proof(SECRET, payload))}")


class SpentTests(SynchronousTestCase):
    """Each token opens once."""

    def test_once(self) -> None:
        """Also for another process, and after a restart; those of the past are forgotten."""
        directory = Path(self.mktemp())
        first = evolve(TICKET, expires=time.time() + 60)
        SpentTokens(directory).spend(first)
        self.assertRaises(BadToken, SpentTokens(directory).spend, first)
        SpentTokens(directory).forget(time.time())
        self.assertRaises(BadToken, SpentTokens(directory).spend, first)
        SpentTokens(directory).forget(time.time() + 61)
        self.assertEqual(list(directory.iterdir()), [])

    def test_tickets_differ(self) -> None:
        """No two tickets have the same id."""
        made = {ticket("web", "serial", "one", "/x", 0.0).id for _ in range(1000)}
        self.assertEqual(len(made), 1000)
        self.assertIsInstance(TICKET, Ticket)

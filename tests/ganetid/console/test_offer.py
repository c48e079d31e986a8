"""
Tokens that a node makes for its guests' consoles.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from ganetid.console.offer import ConsoleOffers
from ganetid.console.tokens import BadToken, read_token
from ganetid.hypervisor.interface import ConsolePlace


class OfferTests(TestCase):
    """What is offered."""

    def test_offered(self) -> Deferred[None]:
        """A token for each console that is a socket, good on this node alone, new each time."""

        async def check() -> None:
            base = Path(self.mktemp())
            offers = ConsoleOffers(base / "one" / "secret", "one", lambda: 100.0)
            place = ConsolePlace(vnc="/run/web/vnc.sock", serial="/run/web/serial.sock")
            tokens = await offers.of("web", place)
            self.assertEqual(set(tokens), {"vnc", "serial"})
            secret = (base / "one" / "secret").read_text().strip().encode()
            for kind, token in tokens.items():
                found = read_token(secret, token, "one", 130.0)
                self.assertEqual((found.kind, found.instance), (kind, "web"))
                self.assertEqual(found.place, f"/run/web/{kind}.sock")
            self.assertNotEqual(await offers.of("web", place), tokens)
            other = await ConsoleOffers(base / "two" / "secret", "one", lambda: 100.0).of(
                "web", place
            )
            self.assertRaises(BadToken, read_token, secret, other["vnc"], "one", 130.0)
            self.assertNotIn(tokens["vnc"], repr(ConsolePlace(None, None, tokens=tokens)))

        return Deferred.fromCoroutine(check())

    def test_nothing(self) -> Deferred[None]:
        """A guest without sockets has nothing to offer."""

        async def check() -> None:
            offers = ConsoleOffers(Path(self.mktemp()) / "secret", "one", reactor.seconds)  # type: ignore[attr-defined]
            place = ConsolePlace(vnc=None, serial=None, vnc_host="10.0.0.1", vnc_port=5900)
            self.assertEqual(await offers.of("web", place), {})

        return Deferred.fromCoroutine(check())

"""
Where a call comes from, behind proxies or not.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource

from synnefo_tx.http.proxies import Proxies
from synnefo_tx.http.streaming import StreamingSite
from tests.synnefo_tx.http.site import soon

OURS = Proxies.of(["10.0.0.0/8", "127.0.0.1", "fd00::/8"])


class ProxiesTests(SynchronousTestCase):
    def test_who_is_the_client(self) -> None:
        for peer, forwarded, client in (
            ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # forged: no proxy of ours
            ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"),  # its own words before
            ("10.0.0.1", ["6.6.6.6", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["who, knows"], "10.0.0.1"),
            ("10.0.0.1", ["198.51.100.7, unknown"], "10.0.0.1"),
            ("fd00::1", ["2001:db8::9"], "2001:db8::9"),
            ("::ffff:10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
            ("", ["198.51.100.7"], ""),
        ):
            self.assertEqual(OURS.client_of(peer, forwarded), client, (peer, forwarded))

    def test_without_proxies_nobody_is_believed(self) -> None:
        self.assertEqual(Proxies().client_of("127.0.0.1", ["198.51.100.7"]), "127.0.0.1")


class Address(Resource):
    isLeaf = True

    def render_GET(self, request) -> bytes:  # type: ignore[no-untyped-def]
        return str(request.getClientAddress().host).encode()


class SiteTests(TestCase):
    """Over real connections."""

    async def asked(self, proxies: Proxies | None) -> bytes:
        site = StreamingSite(Address(), lambda _method, _path: False, reactor, None, proxies)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(soon, 0.05)
        self.addCleanup(port.stopListening)
        address = f"http://127.0.0.1:{port.getHost().port}/".encode()
        headers = Headers({"X-Forwarded-For": ["6.6.6.6, 198.51.100.7"]})
        answer = await Agent(reactor).request(b"GET", address, headers)
        return bytes(await readBody(answer))

    def test_a_trusted_proxy_tells(self) -> Deferred[None]:
        async def run() -> None:
            self.assertEqual(await self.asked(OURS), b"198.51.100.7")

        return Deferred.fromCoroutine(run())

    def test_others_do_not(self) -> Deferred[None]:
        async def run() -> None:
            self.assertEqual(await self.asked(None), b"127.0.0.1")

        return Deferred.fromCoroutine(run())

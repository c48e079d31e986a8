"""
The log-in page behind a proxy of ours, over real connections.
"""

from __future__ import annotations

import requests
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from synnefo_tx.http.proxies import Proxies
from synnefo_tx.http.streaming import StreamingSite
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.openid.api.routes import openid_router
from tests.synnefo_tx.http.site import soon
from tests.synnefo_tx.identity.cloud import identity_cloud
from tests.synnefo_tx.openid.browser import Browser
from tests.synnefo_tx.openid.provider import RETURN, one_key

LIMITS = (Limits(10**6, 1), Limits(2, 60))


class ProxyTests(TestCase):
    def setUp(self) -> None:
        self.cloud = identity_cloud(self, limits=LIMITS)
        root = Resource()
        root.putChild(b"openid", openid_router(self.cloud.context, None, one_key).resource())
        proxies = Proxies.of(["127.0.0.1"])
        site = StreamingSite(root, lambda _method, _path: False, reactor, None, proxies)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(soon, 0.05)
        self.addCleanup(port.stopListening)
        self.issuer = f"http://127.0.0.1:{port.getHost().port}/openid"
        self.admin = self.cloud.token("admin", {"project": {"id": "p1"}})

    def tries(self, address: str, client_id: str) -> list[int]:
        """Statuses of three wrong log-ins from there."""
        with requests.Session() as session:
            session.headers["X-Forwarded-For"] = f"6.6.6.6, {address}"
            browser = Browser(session)
            page = browser.get(
                f"{self.issuer}/authorize?client_id={client_id}&redirect_uri={RETURN}"
                "&response_type=code&scope=openid"
            )
            return [browser.log_in(page, "alice", "wrong").status_code for _ in range(3)]

    def test_wrong_log_ins_are_counted_by_the_client_s_address(self) -> Deferred[None]:
        """One guesser locks out nobody else who comes by the same proxy."""

        def run() -> None:
            with requests.Session() as session:
                session.headers["X-Auth-Token"] = self.admin
                client = {"name": "Wiki", "redirect_uris": [RETURN]}
                made = session.post(f"{self.issuer}/v1/clients", json={"client": client}).json()
            client_id = made["client"]["client_id"]
            self.assertEqual(self.tries("198.51.100.7", client_id), [401, 401, 429])
            self.assertEqual(self.tries("198.51.100.8", client_id), [401, 401, 429])

        return deferToThread(run)

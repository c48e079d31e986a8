"""
What the access log has of a request.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers
from twisted.web.resource import NoResource

from synnefo_tx.http.streaming import StreamingSite
from tests.synnefo_tx.http.site import soon


class AccessLogTests(TestCase):
    def test_secrets_of_addresses_are_left_out(self) -> Deferred[None]:
        """Links of letters and codes of providers open something for who reads the log."""

        async def run() -> None:
            log = Path(self.mktemp())
            site = StreamingSite(NoResource(), lambda _method, _path: False, reactor)
            handle = log.open("wb")
            self.addCleanup(handle.close)
            port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
            site.logFile = handle
            self.addCleanup(soon, 0.05)
            self.addCleanup(port.stopListening)
            root = f"http://127.0.0.1:{port.getHost().port}"
            address = f"{root}/return?code=s3cret&state=s3cret&iss=https%3A%2F%2Flogin"
            headers = Headers({"Referer": [f"{root}/verify?a=b&link=s3cret.x"]})
            answer = await Agent(reactor).request(b"GET", address.encode(), headers)
            await readBody(answer)
            handle.flush()
            line = log.read_text()
            self.assertIn("/return?code=-&state=-&iss=https%3A%2F%2Flogin HTTP/1.1", line)
            self.assertIn("/verify?a=b&link=-", line)
            self.assertNotIn("s3cret", line)

        return Deferred.fromCoroutine(run())

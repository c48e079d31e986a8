"""
Tokens that are good for some calls alone, in the router of any service.
"""

from __future__ import annotations

import time
from typing import Any

from treq.testing import StubTreq
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from synnefo_tx.http.call import Call
from synnefo_tx.http.dialects import NOVA
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.token import Token
from tests.synnefo_tx.identity.test_tokens import a_token

RULES = (("compute", "GET", "/v2.1/servers/{id}/ips"), ("block-storage", "POST", "/v3/volumes"))


class AccessRulesTests(SynchronousTestCase):
    def code(self, prefix: str, method: str, path: str, **more: Any) -> int:
        """
        What a service at `prefix` answers to a token with RULES.
        """

        async def authenticate(text: str) -> Token:
            return a_token(access_rules=RULES, expires_at=int(time.time()) + 60)

        router = Router(prefix, NOVA, authenticate, lambda *_: True, **more)
        for pattern in ("/v2.1/servers/<id>/ips", "/v2.1/servers/<id>", "/v3/volumes"):
            for verb in ("GET", "POST"):

                @router.route(verb, pattern, "anything")
                async def answer(call: Call, **parts: str) -> Reply:
                    return empty_reply()

        root = Resource()
        root.putChild(prefix.encode(), router.resource())
        client = StubTreq(root)
        url = f"http://cloud.test/{prefix}{path}"
        response = self.successResultOf(
            client.request(method, url, headers={"X-Auth-Token": "x"}, allow_redirects=False)
        )
        client.flush()
        return int(response.code)

    def test_what_a_rule_names_is_allowed_and_nothing_else(self) -> None:
        for method, path, code in (
            ("GET", "/v2.1/servers/a/ips", 204),
            ("GET", "/v2.1/servers/a/ips/", 204),
            ("POST", "/v2.1/servers/a/ips", 401),
            ("GET", "/v2.1/servers/a", 401),
            ("GET", "/v2.1/servers/a%2Fips", 204),
            ("POST", "/v3/volumes", 401),
        ):
            self.assertEqual((path, self.code("compute", method, path)), (path, code))

    def test_a_service_is_known_by_the_types_of_the_catalog(self) -> None:
        types = {"service_types": ("block-storage", "volumev3")}
        self.assertEqual(self.code("volume", "POST", "/v3/volumes", **types), 204)
        self.assertEqual(self.code("volume", "POST", "/v3/volumes"), 401)

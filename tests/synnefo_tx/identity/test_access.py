"""
Which calls access rules allow.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.rules.access import permits
from tests.synnefo_tx.identity.test_tokens import a_token


class PermitsTests(SynchronousTestCase):
    def test_templates_of_paths(self) -> None:
        for template, path, allowed in (
            ("/v2.1/servers", "/v2.1/servers", True),
            ("/v2.1/servers", "/v2.1/servers/", True),
            ("/v2.1/servers", "/v2.1/servers/x", False),
            ("/v2.1/servers", "/v2x1/servers", False),
            ("/v2.1/servers/*", "/v2.1/servers/x", True),
            ("/v2.1/servers/*", "/v2.1/servers/x/ips", False),
            ("/v2.1/servers/*", "/v2.1/servers/x%2Fips", False),
            ("/v2.1/servers/*", "/v2.1/servers/", False),
            ("/v2.1/servers/*/ips", "/v2.1/servers/x/ips", True),
            ("/v2.1/servers/{id}/ips", "/v2.1/servers/x/ips", True),
            ("/v2.1/servers/{id}/ips", "/v2.1/servers//ips", False),
            ("/v2.1/**", "/v2.1/servers/x/ips", True),
            ("/v2.1/**", "/v2/servers", False),
            ("/v2.1/(.*)", "/v2.1/servers", False),
            ("/v2.1/{", "/v2.1/{", True),
        ):
            token = a_token(access_rules=(("compute", "GET", template),))
            found = permits(token, ("compute",), "GET", path)
            self.assertEqual((template, path, found), (template, path, allowed))

    def test_the_service_and_the_method_must_be_the_rule_s(self) -> None:
        token = a_token(access_rules=(("compute", "GET", "/**"),))
        self.assertTrue(permits(token, ("block-storage", "compute"), "GET", "/x"))
        self.assertFalse(permits(token, ("image",), "GET", "/x"))
        self.assertFalse(permits(token, ("compute",), "POST", "/x"))

    def test_no_rules_at_all_and_an_empty_list(self) -> None:
        self.assertTrue(permits(a_token(), ("compute",), "GET", "/x"))
        self.assertFalse(permits(a_token(access_rules=()), ("compute",), "GET", "/x"))

    def test_anybody_may_ask_about_a_token(self) -> None:
        token = a_token(access_rules=())
        self.assertTrue(permits(token, ("identity",), "GET", "/v3/auth/tokens"))
        self.assertFalse(permits(token, ("identity",), "DELETE", "/v3/auth/tokens"))
        self.assertFalse(permits(token, ("compute",), "GET", "/v3/auth/tokens"))

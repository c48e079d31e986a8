"""
Clients are registered by administrators.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.openid.rules.redirects import why_refused
from tests.synnefo_tx.openid.provider import RETURN, ProviderCase


class ClientTests(ProviderCase):
    def test_a_secret_is_shown_once(self) -> None:
        path = f"/clients/{self.client['client_id']}"
        shown = self.ask("GET", path).json()["client"]
        told = {name: value for name, value in self.client.items() if name != "client_secret"}
        self.assertEqual(shown, told)
        self.assertEqual(self.ask("GET", "/clients").json()["clients"], [told])

    def test_only_administrators_may(self) -> None:
        alice = self.cloud.token("alice", {"project": {"id": "p1"}})
        path = f"/clients/{self.client['client_id']}"
        for method, at in (
            ("GET", "/clients"),
            ("POST", "/clients"),
            ("GET", path),
            ("PATCH", path),
            ("DELETE", path),
            ("POST", f"{path}/secret"),
        ):
            self.assertEqual(self.ask(method, at, {"client": {}}, alice).status_code, 403)
            self.assertEqual(self.ask(method, at, {"client": {}}, "").status_code, 401)

    def test_bad_ones(self) -> None:
        good = {"name": "x", "redirect_uris": [RETURN]}
        for more in (
            {"name": ""},
            {"redirect_uris": []},
            {"redirect_uris": ["http://app.example/"]},
            {"redirect_uris": ["app.example:/back"]},  # of a confidential client
            {"scopes": ["everything"]},
            {"token_endpoint_auth_method": "private_key_jwt"},
            {"secret_digest": "x"},
            {"trusted": True, "token_endpoint_auth_method": "none"},
            {"may_introspect": True, "token_endpoint_auth_method": "none"},
        ):
            answer = self.ask("POST", "/clients", {"client": good | more})
            self.assertEqual(answer.status_code, 400, more)

    def test_a_new_secret_ends_the_old(self) -> None:
        path = f"/clients/{self.client['client_id']}"
        new = self.ask("POST", f"{path}/secret").json()["client"]
        self.refused(self.exchange("x"), "invalid_client", 401)
        self.client = new
        self.refused(self.exchange("x"), "invalid_grant")

    def test_a_changed_address_counts_at_once(self) -> None:
        path = f"/clients/{self.client['client_id']}"
        page = self.browser().get(self.url(self.library()))
        self.ask("PATCH", path, {"client": {"redirect_uris": ["https://new.example/"]}})
        self.assertEqual(page.status_code, 200)
        self.assertEqual(self.browser().get(self.url(self.library())).status_code, 400)

    def test_a_removed_client_loses_all(self) -> None:
        got = self.tokens()
        path = f"/clients/{self.client['client_id']}"
        codes = [self.ask("DELETE", path).status_code for _ in range(2)]
        self.assertEqual(codes, [204, 404])
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 401)


class RedirectTests(SynchronousTestCase):
    def test_which_addresses_may_be_registered(self) -> None:
        for uri, public, good in (
            ("https://app.example/back", False, True),
            ("http://127.0.0.1:8000/back", True, True),
            ("http://[::1]/back", True, True),
            ("com.example.app:/back", True, True),
            ("com.example.app:/back", False, False),
            ("javascript:alert(1)", True, False),
            ("data:text/html,x", True, False),
            ("https://app.example/#x", False, False),
            ("https://*.example/", False, False),
            ("https://user@app.example/", False, False),
            ("https://app.example; script-src *", False, False),
            ("https://[::1", False, False),
            ("https:///back", False, False),
            ("/back", False, False),
        ):
            self.assertEqual(why_refused(uri, public) is None, good, uri)

    @given(st.text(max_size=40))
    def test_any_text_is_judged(self, text: str) -> None:
        why_refused(f"https://{text}", public=True)

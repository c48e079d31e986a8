"""
People log in to web applications that use a real client library.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from authlib.oidc.core import CodeIDToken
from sqlalchemy import Connection, select

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.people.rows.addresses import claim, release
from tests.synnefo_tx.identity.cloud import SECRETS
from tests.synnefo_tx.openid.browser import told
from tests.synnefo_tx.openid.provider import BASE, ISSUER, RETURN, VERIFIER, ProviderCase


class JourneyTests(ProviderCase):
    def test_a_client_learns_who_logs_in(self) -> None:
        """From the redirect to the ID token and the user's claims, by what discovery tells."""
        found = self.http().get(f"{ISSUER}/.well-known/openid-configuration").json()
        self.assertEqual(found["issuer"], ISSUER)
        self.cloud.change("user", "u-alice", {"email": "alice@cloud.test"})
        got = self.tokens()
        claims = CodeIDToken(
            self.claims(got["id_token"]),
            {"alg": "RS256"},
            options={
                "iss": {"essential": True, "value": found["issuer"]},
                "aud": {"essential": True, "value": self.client["client_id"]},
            },
            params={"nonce": "n-1", "access_token": got["access_token"]},
        )
        claims.validate(now=self.cloud.now)
        self.assertEqual((claims["sub"], claims["amr"]), ("u-alice", ["pwd"]))
        info = self.library(token=got).get(found["userinfo_endpoint"]).json()
        self.assertEqual(
            info,
            {
                "sub": "u-alice",
                "name": "alice",
                "preferred_username": "alice",
                "email": "alice@cloud.test",
                "email_verified": False,
            },
        )

    def test_an_address_is_verified_where_people_have_shown_it(self) -> None:
        """Not by an attribute that others may give, and not another's or an earlier address."""
        email = {"email": "Alice@cloud.test", "email_verified": True}
        self.cloud.change("user", "u-alice", email)
        access = self.tokens()["access_token"]
        self.assertIs(self.userinfo(access).json()["email_verified"], False)
        self.cloud.write(claim, "default", "alice@cloud.test", "u-bob")
        self.assertIs(self.userinfo(access).json()["email_verified"], False)
        self.cloud.write(release, "u-bob")
        self.cloud.write(claim, "default", "alice@cloud.test", "u-alice")
        self.assertIs(self.userinfo(access).json()["email_verified"], True)
        self.cloud.change("user", "u-alice", {"email": "new@cloud.test"})
        self.assertIs(self.userinfo(access).json()["email_verified"], False)

    def test_each_way_to_authenticate(self) -> None:
        for method in ("client_secret_basic", "client_secret_post", "none"):
            client = self.register(name=method, token_endpoint_auth_method=method)
            self.assertEqual("client_secret" in client, method != "none")
            self.assertIn("id_token", self.tokens(client=client))

    def test_the_answer_keeps_the_state_the_query_and_the_issuer(self) -> None:
        answer = self.allowed(self.browser(), self.url(self.library()))
        where = urlsplit(answer.headers["Location"])
        self.assertEqual(f"{where.scheme}://{where.netloc}{where.path}", RETURN.partition("?")[0])
        back = told(answer)
        self.assertEqual((back["kept"], back["state"], back["iss"]), ("1", self.state, ISSUER))

    def test_consent_is_remembered_until_it_is_taken_back(self) -> None:
        browser, library = self.browser(), self.library()
        self.allowed(browser, self.url(library))
        self.assertIn("code", told(browser.get(self.url(library))))
        self.assertIn("code", told(browser.get(self.url(library, prompt="none"))))
        self.assertIn("Allow Wiki?", browser.get(self.url(library, prompt="consent")).text)
        access = self.tokens_of(browser)["access_token"]
        alice = self.cloud.token("alice")
        listed = self.ask("GET", "/consents", token=alice).json()["consents"]
        self.assertEqual([one["name"] for one in listed], ["Wiki"])
        path = f"/consents/{self.client['client_id']}"
        codes = [self.ask("DELETE", path, token=alice).status_code for _ in range(2)]
        self.assertEqual(codes, [204, 404])
        self.assertEqual(self.userinfo(access).status_code, 401)
        self.assertIn("Allow Wiki?", browser.get(self.url(library)).text)

    def tokens_of(self, browser):  # type: ignore[no-untyped-def]
        return self.exchange(told(browser.get(self.url(self.library())))["code"]).json()

    def test_the_cloud_s_own_client_needs_no_consent(self) -> None:
        own = self.register(name="Own", trusted=True)
        browser, url = self.browser(), self.url(self.library(own))
        answer = browser.log_in(browser.get(url), "alice", SECRETS["alice"])
        self.assertIn("code", told(answer))
        asked = browser.get(self.url(self.library(own), prompt="consent"))
        self.assertIn("Allow Own?", asked.text)

    def test_more_scopes_are_asked_for_again(self) -> None:
        browser = self.browser()
        self.allowed(browser, self.url(self.library(scope="openid")))
        page = browser.get(self.url(self.library(scope="openid email")))
        self.assertIn("see your e-mail address", page.text)

    def test_denied(self) -> None:
        browser = self.browser()
        page = browser.log_in(browser.get(self.url(self.library())), "alice", SECRETS["alice"])
        back = told(browser.send(page, decision="deny"))
        self.assertEqual((back["error"], back["state"]), ("access_denied", self.state))

    def test_nobody_may_be_asked(self) -> None:
        browser, library = self.browser(), self.library()
        self.assertEqual(
            told(browser.get(self.url(library, prompt="none")))["error"], "login_required"
        )
        browser.log_in(browser.get(self.url(library)), "alice", SECRETS["alice"])
        self.assertEqual(
            told(browser.get(self.url(library, prompt="none")))["error"], "consent_required"
        )

    def test_an_old_log_in_is_done_again(self) -> None:
        browser, library = self.browser(), self.library()
        self.allowed(browser, self.url(library))
        self.cloud.now += 100
        self.assertIn("code", told(browser.get(self.url(library, max_age=100))))
        for more in ({"max_age": 99}, {"prompt": "login"}):
            page = browser.get(self.url(library, **more))
            self.assertIn("Log in to Wiki", page.text)
            self.assertIn("code", told(browser.log_in(page, "alice", SECRETS["alice"])))
        self.cloud.now += 13 * 3600
        self.assertIn("Log in to Wiki", browser.get(self.url(library)).text)

    def test_another_account(self) -> None:
        browser, library = self.browser(), self.library()
        page = browser.log_in(browser.get(self.url(library)), "alice", SECRETS["alice"])
        page = browser.send(page, decision="other")
        page = browser.log_in(page, "bob", SECRETS["bob"])
        code = told(browser.send(page, decision="allow"))["code"]
        self.assertEqual(self.claims(self.exchange(code).json()["id_token"])["sub"], "u-bob")

    def test_refreshing(self) -> None:
        """Each token gives the next; scopes may become fewer; the nonce is not told again."""
        first = self.tokens()
        library = self.library(token=first)
        library.refresh_token(f"{ISSUER}/token")
        second = library.token
        self.assertNotEqual(second["refresh_token"], first["refresh_token"])
        self.assertNotIn("nonce", self.claims(second["id_token"]))
        self.cloud.now += 3600
        self.assertEqual(self.userinfo(second["access_token"]).status_code, 401)
        form = {"grant_type": "refresh_token", "refresh_token": second["refresh_token"]}
        self.refused(self.post("token", **form, scope="openid admin"), "invalid_grant")
        less = self.post("token", **form, scope="openid").json()
        self.assertEqual(self.userinfo(less["access_token"]).json(), {"sub": "u-alice"})

    def test_no_refresh_token_unless_asked_for(self) -> None:
        self.assertNotIn("refresh_token", self.tokens(scope="openid"))

    def test_without_openid_it_is_plain_oauth(self) -> None:
        got = self.tokens(scope="profile")
        self.assertNotIn("id_token", got)
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 401)

    def test_revocation_and_introspection(self) -> None:
        got = self.tokens()
        told_of = self.post("introspect", token=got["access_token"]).json()
        self.assertEqual(
            (told_of["active"], told_of["sub"], told_of["client_id"], told_of["token_type"]),
            (True, "u-alice", self.client["client_id"], "Bearer"),
        )
        stranger = self.register(name="Other")
        service = self.register(name="Files", may_introspect=True)
        for client, active in ((stranger, False), (service, True)):
            answer = self.post("introspect", client, token=got["access_token"])
            self.assertEqual(answer.json()["active"], active)
        self.post("revoke", stranger, token=got["access_token"])
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 200)
        self.assertEqual(self.post("revoke", token="unknown").status_code, 200)
        library = self.library(token=got)
        library.revoke_token(f"{ISSUER}/revoke", got["refresh_token"])
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 401)
        self.assertEqual(
            self.post("introspect", token=got["refresh_token"]).json(), {"active": False}
        )

    def test_a_request_by_post(self) -> None:
        query = urlsplit(self.url(self.library())).query
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        page = self.http().post(f"{ISSUER}/authorize", data=query, headers=headers)
        self.assertIn("Log in to Wiki", page.text)

    def test_the_audit_log_tells_it(self) -> None:
        self.tokens()

        def logged(connection: Connection) -> list[tuple[str, str, str]]:
            rows = connection.execute(select(audit_log).order_by(audit_log.c.id))
            return [(row.action, row.user_id, row.target_id) for row in rows]

        lines = self.cloud.write(logged)
        self.assertIn(("identity:authenticate", "u-alice", "u-alice"), lines)
        self.assertIn(("openid:authorize", "u-alice", self.client["client_id"]), lines)

    def test_pages_are_guarded(self) -> None:
        page = self.browser().get(self.url(self.library()))
        policy = page.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "frame-ancestors 'none'", "https://app.example"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("<script", page.text)
        self.assertEqual(page.headers["X-Frame-Options"], "DENY")
        self.assertEqual(page.headers["Cache-Control"], "no-store")
        cookie = page.headers["Set-Cookie"]
        self.assertIn("HttpOnly; SameSite=Lax", cookie)

    def test_scripts_of_browsers_may_call(self) -> None:
        answer = self.http().options(f"{BASE}/openid/token")
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        self.assertNotEqual(VERIFIER, "")

"""
Thieves, forgers and mistaken clients get nothing.
"""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy import Connection, select
from zope.interface import implementer

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.elsewhere import IPasswordsElsewhere
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows import recovery
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.things import create
from synnefo_tx.identity.rows.users import remove_user
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.identity.rules.login import Wanted
from synnefo_tx.identity.rules.recovery import digest_of, new_code
from synnefo_tx.identity.rules.totp import code_at
from synnefo_tx.people.rows.factors import Enrolment, enrol
from tests.synnefo_tx.identity.cloud import HASHES, SECRETS, IdentityCloud, identity_cloud
from tests.synnefo_tx.openid.browser import told
from tests.synnefo_tx.openid.provider import ISSUER, RETURN, VERIFIER, ProviderCase

KEY = b"12345678901234567890"
BOTH = ["password", "totp"]
COOKIE = "__Host-synnefo_openid"


class ReturnTests(ProviderCase):
    """Browsers are never sent where the client has not said."""

    def test_other_addresses_are_refused_on_a_page_of_ours(self) -> None:
        for uri in (
            "https://evil.example/back?kept=1",
            "https://app.example/back",
            "https://app.example/back?kept=1&more=1",
            "https://app.example/back?kept=1#x",
            "https://app.example:444/back?kept=1",
            "https://app.example/back/../back?kept=1",
            "https://APP.example/back?kept=1",
            "//app.example/back?kept=1",
            "",
        ):
            answer = self.browser().get(self.url(self.library(redirect_uri=uri)))
            self.assertEqual((answer.status_code, answer.headers.get("Location")), (400, None))

    def test_two_addresses_or_unknown_clients(self) -> None:
        good = self.url(self.library())
        client_id = self.client["client_id"]
        for url in (
            f"{good}&redirect_uri=https%3A%2F%2Fevil.example%2F",
            f"{good}&client_id={client_id}",
            good.replace(client_id, "nobody"),
            good.replace(client_id, "%00"),
        ):
            answer = self.browser().get(url)
            self.assertEqual((answer.status_code, answer.headers.get("Location")), (400, None))

    def test_a_disabled_client_is_unknown(self) -> None:
        got = self.tokens()
        path = f"/clients/{self.client['client_id']}"
        self.ask("PATCH", path, {"client": {"enabled": False}})
        self.assertEqual(self.browser().get(self.url(self.library())).status_code, 400)
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 401)
        self.refused(self.exchange("x"), "invalid_client", 401)

    def test_bad_requests_go_back_with_state_and_issuer(self) -> None:
        public = self.register(token_endpoint_auth_method="none")
        weak = self.library(public, code_challenge_method=None)
        good = self.url(self.library())
        for url, error in (
            (
                good.replace("response_type=code", "response_type=token"),
                "unsupported_response_type",
            ),
            (good.replace("S256", "plain"), "invalid_request"),
            (good.replace("scope=openid+profile+email+offline_access", "scope=x"), "invalid_scope"),
            (f"{good}&prompt=none+login", "invalid_request"),
            (f"{good}&request=x", "request_not_supported"),
            (f"{good}&max_age=-1", "invalid_request"),
            (f"{good}&nonce=a&nonce=b", "invalid_request"),
            (f"{good}&response_mode=fragment", "invalid_request"),
            (self.url(weak, code_verifier=None), "invalid_request"),
        ):
            back = told(self.browser().get(url))
            self.assertEqual((back["error"], back["iss"]), (error, ISSUER), url)
            self.assertIn("state", back)


class CodeTests(ProviderCase):
    """Codes and refresh tokens are good once, for whom they were made."""

    def test_a_code_shown_twice_ends_what_it_gave(self) -> None:
        code = self.code()
        got = self.exchange(code).json()
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 200)
        self.refused(self.exchange(code), "invalid_grant")
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 401)
        form = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
        self.refused(self.post("token", **form), "invalid_grant")

        def logged(connection: Connection) -> list[Any]:
            return list(connection.execute(select(audit_log).order_by(audit_log.c.id)))

        line = self.cloud.write(logged)[-1]
        self.assertEqual((line.action, line.outcome), ("openid:reuse", "failure"))
        self.assertEqual(line.details["user_id"], "u-alice")

    def test_a_refresh_token_shown_twice_ends_all(self) -> None:
        first = self.tokens()
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = self.post("token", **form).json()
        self.refused(self.post("token", **form), "invalid_grant")
        for access in (first["access_token"], second["access_token"]):
            self.assertEqual(self.userinfo(access).status_code, 401)
        form["refresh_token"] = second["refresh_token"]
        self.refused(self.post("token", **form), "invalid_grant")

    def test_who_shows_it_must_be_who_asked(self) -> None:
        for wrong in (
            {"code_verifier": "w" * 50},
            {"code_verifier": "short"},
            {"code_verifier": ""},
            {"redirect_uri": "https://app.example/back"},
            {"code": "guess"},
        ):
            code = self.code()
            self.refused(self.exchange(**({"code": code} | wrong)), "invalid_grant")

    def test_another_client_gets_nothing_and_spoils_nothing(self) -> None:
        other = self.register(name="Other")
        code = self.code()
        form = {"redirect_uri": RETURN, "code_verifier": VERIFIER, "code": code}
        answer = self.post("token", other, grant_type="authorization_code", **form)
        self.refused(answer, "invalid_grant")
        got = self.exchange(code).json()
        form = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
        self.refused(self.post("token", other, **form), "invalid_grant")
        self.assertEqual(self.post("token", **form).status_code, 200)

    def test_a_verifier_for_a_code_that_was_asked_without_one(self) -> None:
        """Nobody may bring in a code of another flow: RFC 9700 4.8.2."""
        library = self.library(code_challenge_method=None)
        code = told(self.allowed(self.browser(), self.url(library, code_verifier=None)))["code"]
        self.refused(self.exchange(code), "invalid_grant")

    def test_too_late(self) -> None:
        code = self.code()
        self.cloud.now += 61
        self.refused(self.exchange(code), "invalid_grant")

    def test_a_refresh_token_is_no_access_token(self) -> None:
        got = self.tokens()
        self.assertEqual(self.userinfo(got["refresh_token"]).status_code, 401)
        form = {"grant_type": "refresh_token", "refresh_token": got["access_token"]}
        self.refused(self.post("token", **form), "invalid_grant")


class ClientTests(ProviderCase):
    """Clients that do not show who they are."""

    def test_wrong_secrets_and_ways(self) -> None:
        client_id, secret = self.client["client_id"], self.client["client_secret"]
        form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": RETURN}
        http = self.http()
        for auth, more, error in (
            ((client_id, "wrong"), {}, "invalid_client"),
            (("nobody", secret), {}, "invalid_client"),
            (None, {"client_id": client_id, "client_secret": secret}, "invalid_client"),
            (None, {"client_id": client_id}, "invalid_client"),
            (None, {}, "invalid_client"),
            ((client_id, secret), {"client_secret": secret}, "invalid_request"),
            ((client_id, secret), {"client_id": "other"}, "invalid_request"),
        ):
            answer = http.post(f"{ISSUER}/token", data=form | more, auth=auth)
            self.assertEqual(answer.json()["error"], error, (auth, more))
            if error == "invalid_client":
                self.assertEqual(answer.status_code, 401)
                self.assertIn("Basic", answer.headers["WWW-Authenticate"])

    def test_bodies_that_are_no_requests(self) -> None:
        http, auth = self.http(), (self.client["client_id"], self.client["client_secret"])
        for data in ({}, {"grant_type": "password"}, [("code", "a"), ("code", "b")], {"a": "\0"}):
            answer = http.post(f"{ISSUER}/token", data=data, auth=auth)
            self.assertEqual(answer.status_code, 400)
        answer = http.post(f"{ISSUER}/token", json={"grant_type": "authorization_code"}, auth=auth)
        self.refused(answer, "invalid_request")

    def test_a_public_client_asks_about_no_tokens(self) -> None:
        public = self.register(token_endpoint_auth_method="none")
        form = {"client_id": public["client_id"], "token": "x"}
        self.refused(self.http().post(f"{ISSUER}/introspect", data=form), "invalid_client", 401)


class BrowserTests(ProviderCase):
    """Forms count in the browser that they were made for."""

    def test_a_form_of_another_browser(self) -> None:
        page = self.browser().get(self.url(self.library()))
        answer = self.browser().log_in(page, "alice", SECRETS["alice"])
        self.assertEqual(answer.status_code, 400)

    def test_a_consent_form_of_another_session(self) -> None:
        """Whoever makes a victim log in to another account gets no consent by it."""
        victim = self.browser()
        page = victim.log_in(victim.get(self.url(self.library())), "alice", SECRETS["alice"])
        again = victim.get(self.url(self.library(), prompt="login"))
        victim.log_in(again, "bob", SECRETS["bob"])
        self.assertEqual(victim.send(page, decision="allow").status_code, 400)

    def test_forged_and_old_forms(self) -> None:
        browser = self.browser()
        page = browser.get(self.url(self.library()))
        self.assertEqual(browser.send(page, ticket="x").status_code, 400)
        self.assertEqual(browser.send(page, ticket="").status_code, 400)
        self.cloud.now += 16 * 60
        self.assertEqual(browser.log_in(page, "alice", SECRETS["alice"]).status_code, 400)

    def test_a_session_is_new_after_each_log_in(self) -> None:
        browser, library = self.browser(), self.library()
        browser.log_in(browser.get(self.url(library)), "alice", SECRETS["alice"])
        before = browser.session.cookies[COOKIE]
        page = browser.get(self.url(library, prompt="login"))
        browser.log_in(page, "alice", SECRETS["alice"])
        self.assertNotEqual(browser.session.cookies[COOKIE], before)
        browser.session.cookies.set(COOKIE, before, domain="cloud.test", path="/", secure=True)
        self.assertIn("Log in to Wiki", browser.get(self.url(library)).text)

    def test_names_are_text_and_no_html(self) -> None:
        client = self.register(name="<b>Wiki</b>")
        url = self.url(self.library(client), login_hint='"><script>alert(1)</script>')
        page = self.browser().get(url).text
        self.assertNotIn("<script>", page)
        self.assertNotIn("<b>", page)


class SecondFactorTests(ProviderCase):
    """Who has to show a code gets nothing without it."""

    def setUp(self) -> None:
        super().setUp()
        secret = base64.b32encode(KEY).decode()
        given = {"type": "totp", "blob": secret, "user_id": "u-alice"}
        self.cloud.ask("POST", "/v3/credentials", self.admin, {"credential": given})
        rules = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [BOTH]}
        answer = self.cloud.ask(
            "PATCH", "/v3/users/u-alice", self.admin, {"user": {"options": rules}}
        )
        self.assertEqual(answer.code, 200, answer.body)
        self.passcode = code_at(KEY, int(self.cloud.now) // 30)

    def test_the_code_is_asked_for_after_the_password(self) -> None:
        browser = self.browser()
        page = browser.log_in(browser.get(self.url(self.library())), "alice", SECRETS["alice"])
        self.assertIn("Code of your second factor", page.text)
        self.assertNotIn(COOKIE, browser.session.cookies)
        self.assertEqual(browser.send(page, passcode="12345").status_code, 401)
        self.assertEqual(browser.send(page).status_code, 401)
        page = browser.send(page, passcode=self.passcode)
        code = told(browser.send(page, decision="allow"))["code"]
        claims = self.claims(self.exchange(code).json()["id_token"])
        self.assertEqual(claims["amr"], ["pwd", "otp", "mfa"])

    def test_who_enrols_logs_in_again(self) -> None:
        """Browsers in which a password was enough are logged out."""
        bob = self.browser()
        self.allowed(bob, self.url(self.library()), "bob")
        self.assertIn("code", told(bob.get(self.url(self.library()))))
        given = Enrolment(self.cloud.context.secrets.seal("x"), 0, ())
        self.cloud.write(enrol, "u-bob", given)
        self.assertIn("Log in to Wiki", bob.get(self.url(self.library())).text)

    def test_a_recovery_code_will_do_once(self) -> None:
        spare = new_code()
        self.cloud.write(recovery.renew, "u-alice", (digest_of(spare) or "",))
        for expected in ("Allow Wiki?", "are wrong"):
            browser = self.browser()
            page = browser.log_in(browser.get(self.url(self.library())), "alice", SECRETS["alice"])
            self.assertIn(expected, browser.send(page, passcode=spare).text)

    def test_both_at_once_and_each_code_once(self) -> None:
        page = self.browser().get(self.url(self.library()))
        given = {"name": "alice", "password": SECRETS["alice"], "passcode": self.passcode}
        for expected in ("Allow Wiki?", "are wrong"):
            browser = self.browser()
            page = browser.send(browser.get(self.url(self.library())), **given)
            self.assertIn(expected, page.text)


@implementer(IPasswordsElsewhere)
class OneElsewhere:
    """
    Knows the password of erin, whose account comes with her first log-in.
    """

    def __init__(self, cloud: IdentityCloud) -> None:
        self.cloud = cloud

    async def account(self, wanted: Wanted, _user: User | None) -> str:
        return "erin" if wanted.name == "erin" else ""

    async def right(self, _wanted: Wanted, user: User | None, password: str) -> bool:
        if password == "right" and user is None:
            erin = {"id": "u-erin", "name": "erin", "domain_id": "default", "enabled": True}
            self.cloud.write(create, USER, erin)
        return password == "right"


class ElsewhereTests(ProviderCase):
    """Directories know passwords too."""

    def test_an_account_that_comes_with_the_log_in(self) -> None:
        """The first is as good as the second."""
        self.cloud.context.gate.elsewhere = OneElsewhere(self.cloud)
        for password, expected in (("wrong", "are wrong"), ("right", "Allow Wiki?")):
            browser = self.browser()
            page = browser.log_in(browser.get(self.url(self.library())), "erin", password)
            self.assertIn(expected, page.text)


class LogInTests(ProviderCase):
    """Identity's limits hold, and its end of users ends all."""

    def make_cloud(self) -> IdentityCloud:
        return identity_cloud(self, limits=(Limits(3, 60), Limits(10**6, 1)))

    def test_wrong_passwords_are_counted(self) -> None:
        browser = self.browser()
        page = browser.get(self.url(self.library()))
        for name in ("alice", "nobody"):
            answers = [browser.log_in(page, name, "wrong") for _ in range(4)]
            self.assertEqual([one.status_code for one in answers], [401, 401, 401, 429])
            self.assertIn("Retry-After", answers[-1].headers)
        named = {"name": "alice", "domain": {"name": "Default"}, "password": SECRETS["alice"]}
        self.assertEqual(self.cloud.authenticate(password={"user": named}).code, 429)

    def test_a_user_who_is_disabled_loses_all_for_good(self) -> None:
        browser = self.browser()
        self.allowed(browser, self.url(self.library()))
        got, code = self.tokens(), self.code()
        self.cloud.disable("user", "u-alice")
        self.nothing_is_left(got, code)
        self.cloud.change("user", "u-alice", {"enabled": True})
        self.nothing_is_left(got, code)
        self.assertIn("Log in to Wiki", browser.get(self.url(self.library())).text)

    def test_so_does_one_whose_domain_is_disabled_or_who_has_another_password(self) -> None:
        for kind, thing, change, back in (
            ("domain", "default", {"enabled": False}, {"enabled": True}),
            ("user", "u-alice", {"password_hash": "x"}, {"password_hash": HASHES["alice"]}),
        ):
            got, code = self.tokens(), self.code()
            self.cloud.change(kind, thing, change)
            self.cloud.change(kind, thing, back)
            self.nothing_is_left(got, code)

    def test_so_does_one_who_is_gone(self) -> None:
        got, code = self.tokens(), self.code()
        user = {"id": "u-alice", "name": "alice"}
        self.cloud.write(remove_user, USER, user, int(self.cloud.now), 1000)
        self.nothing_is_left(got, code)

    def nothing_is_left(self, got: dict[str, Any], code: str) -> None:
        self.assertEqual(self.userinfo(got["access_token"]).status_code, 401)
        self.assertFalse(self.post("introspect", token=got["access_token"]).json()["active"])
        form = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
        self.refused(self.post("token", **form), "invalid_grant")
        self.refused(self.exchange(code), "invalid_grant")

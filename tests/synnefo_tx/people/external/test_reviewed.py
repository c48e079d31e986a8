"""
What a hostile reader found in log-in by other providers.
"""

from __future__ import annotations

import contextlib
from email.message import Message
from typing import Any
from urllib.request import Request

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.people.external.errors import NotBelieved, ProviderAway
from synnefo_tx.people.external.oidc import metadata
from synnefo_tx.people.external.person import is_storable
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.settings import LdapDirectory, LogIn, OidcProvider
from tests.synnefo_tx.people.external.a_provider import ISSUER, NOW
from tests.synnefo_tx.people.external.test_oidc_client import ProviderCase
from tests.synnefo_tx.people.external.test_openid_api import OpenidCase


class AnswerWithCookie:
    """As the standard library's cookies look at one."""

    def info(self) -> Message:
        told = Message()
        told["Set-Cookie"] = "session=of-carol; Path=/"
        return told


class SettingsTests(SynchronousTestCase):
    """What an operator may write."""

    def test_the_kind_of_address_is_that_of_the_security(self) -> None:
        """`ldap://` with "ldaps" would be asked in the open: the library goes by the address."""
        for security, url, taken in (
            ("ldaps", "ldaps://d.example", True),
            ("ldaps", "ldap://d.example", False),
            ("ldaps", "LDAP://d.example", False),
            ("ldaps", "d.example", False),
            ("starttls", "ldap://d.example:389", True),
            ("starttls", "ldaps://d.example", False),
            ("none", "ldap://127.0.0.1", True),
            ("none", "ldap://d.example", False),
            ("none", "ldapi:///tmp/x", False),
            ("starttls", "ldap://", False),
        ):
            given = {"urls": [url], "user_base": "dc=x", "security": security}
            found: Any = None
            with contextlib.suppress(msgspec.ValidationError):
                found = msgspec.convert(given, LdapDirectory)
            self.assertEqual(found is not None, taken, (security, url))

    def test_cookies_of_a_provider_are_not_kept(self) -> None:
        """Its next answer is about somebody else."""
        settings = LogIn(oidc={"work": OidcProvider(issuer=ISSUER, client_id="cloud")})
        providers = Providers.of(settings, MemoryReactorClock(), lambda: NOW)
        jar = providers.oidc["work"]._fetcher._http._cookiejar
        jar.extract_cookies(AnswerWithCookie(), Request(ISSUER))
        self.assertEqual(list(jar), [])


class Slow:
    """A provider that answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    async def object(self, _url: str) -> Any:
        answer: Deferred[Any] = Deferred()
        self.asked.append(answer)
        return await answer


class AwayTests(ProviderCase):
    """A provider that is away, or not well."""

    def test_many_at_once_ask_once(self) -> None:
        """Whoever likes begins a log-in: the provider is not asked for each."""
        slow = Slow()
        published = metadata.Published(ISSUER, slow, lambda: NOW)  # type: ignore[arg-type]
        begun = [Deferred.fromCoroutine(published.metadata()) for _ in range(5)]
        self.assertEqual(len(slow.asked), 1)
        slow.asked.pop().errback(ProviderAway("too slow"))
        for one in begun:
            self.failureResultOf(one, ProviderAway)
        self.assertEqual(slow.asked, [])

    def test_addresses_that_are_none(self) -> None:
        """A provider that names such is not well, and we are."""
        self.provider.metadata = {"token_endpoint": "https://[::1/token"}
        self.refused(self.client.url(self.begun), ProviderAway)

    def test_one_that_was_away_is_left_alone_for_a_moment(self) -> None:
        """And is asked again after that."""
        self.provider.metadata = {"issuer": "https://evil.test"}
        for _ in range(3):
            self.refused(self.client.url(self.begun), ProviderAway)
        self.assertEqual(self.provider.asked, ["metadata"])
        self.provider.now += metadata.AWAY_S + 1
        self.provider.metadata = {}
        self.result(self.client.url(self.begun))

    def test_keys_that_could_not_be_renewed_are_not_trusted_for_another_hour(self) -> None:
        """A key that the provider took back ends, however often it is away."""
        self.person()
        self.provider.now += metadata.FRESH_S + 1
        url = self.result(self.client.url(self.begun))
        self.provider.published = []
        self.provider.metadata = {"jwks_uri": f"{ISSUER}/nowhere"}
        self.client._published._metadata_at = 0
        for _ in range(2):
            begun = self.client.person(self.begun, self.provider.visit(url), None)
            self.refused(begun, ProviderAway)
            self.provider.now += metadata.AGAIN_S + 1

    def test_a_client_that_it_does_not_know_is_the_operator_s_matter(self) -> None:
        """The person did nothing wrong, and is not held up for it."""
        self.provider.refusal = "invalid_client"
        self.provider.visit(self.result(self.client.url(self.begun)))
        told = self.refused(self.client.person(self.begun, "unknown", None), ProviderAway)
        self.assertIn("invalid_client", told.reason)


class TextTests(ProviderCase):
    """Texts of a provider, which its users choose."""

    def test_names_that_no_account_has(self) -> None:
        """The next one is taken."""
        for name in ("a\0b", "a\nb", "\u202eevil", " ", "\u2066x"):
            self.assertEqual(self.person(preferred_username=name, email="c@test").name, "c@test")

    def test_a_subject_that_can_t_be_kept(self) -> None:
        """Is none."""
        self.refused(self.client.person(self.begun, self.code(sub="a\0b"), None), NotBelieved)
        self.assertFalse(is_storable("\ud800"))

    def test_addresses_and_groups_that_can_t_be_kept(self) -> None:
        """Are left out."""
        person = self.person(email="a\0@test", groups=["a\0", "ok"])
        self.assertEqual(person.email, "")


class AddingTests(OpenidCase):
    """A further log-in is added by the person, not by a token that was found."""

    def test_a_token_that_ended_meanwhile_adds_nothing(self) -> None:
        """Another password ends what a thief had begun."""
        alice = self.cloud.token("alice")
        asked = self.begin(alice)
        self.cloud.now += 2
        self.cloud.change("user", "u-alice", {"password_hash": "x"})
        self.assertEqual(self.back(asked).code, 401)
        self.assertNotIn("alice", self.user(self.log_in())["name"])

    def test_a_token_needs_the_password_beside_it(self) -> None:
        """As all that changes the ways to log in."""
        alice = self.cloud.token("alice")
        for shown, status in (({}, 400), ({"password": "wrong"}, 403)):
            self.assertEqual(self.ask("POST", "/work/add", alice, shown).code, status)

    def test_without_a_password_the_log_in_is_a_fresh_one(self) -> None:
        """Neither an old token nor one that another token gave."""
        token = self.log_in().header("X-Subject-Token")
        self.assertEqual(self.ask("POST", "/work/add", token, {}).code, 200)
        again = self.cloud.authenticate(token={"id": token}).header("X-Subject-Token")
        self.assertEqual(self.ask("POST", "/work/add", again, {}).code, 403)
        self.cloud.now += 601
        self.assertEqual(self.ask("POST", "/work/add", token, {}).code, 403)

    def test_two_first_log_ins_at_once_are_of_one_account(self) -> None:
        """The second finds what the first has made."""
        first, second = self.begin(), None
        url = self.url
        second = self.begin()
        codes = [self.provider.visit(url), self.provider.visit(self.url)]
        found = [
            self.user(self.ask("GET", "/work/return", code=code, state=asked["state"]))["id"]
            for code, asked in zip(codes, (first, second), strict=True)
        ]
        self.assertEqual(len(set(found)), 1)

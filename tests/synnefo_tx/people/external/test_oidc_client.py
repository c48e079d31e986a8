"""
We as a client of an OpenID provider, with one that is strict, or that lies.
"""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.people.external import fetching
from synnefo_tx.people.external.errors import NotBelieved, ProviderAway
from synnefo_tx.people.external.fetching import Fetcher
from synnefo_tx.people.external.oidc.client import Begun
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.settings import AccountRules, OidcProvider, RoleRule
from tests.synnefo_tx.people.external.a_provider import ISSUER, KEYS, NOW, AProvider, query_of

BACK = "https://cloud.test/account/v1.0/people/oidc/work/return"


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


class ProviderCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.provider = AProvider()
        self.client = self.provider.client()
        self.begun = Begun.anew(BACK)

    def result(self, coroutine: Any) -> Any:
        answered = Deferred.fromCoroutine(coroutine)
        self.provider.treq.flush()
        return self.successResultOf(answered)

    def refused(self, coroutine: Any, kind: type[Exception]) -> Any:
        answered = Deferred.fromCoroutine(coroutine)
        self.provider.treq.flush()
        return self.failureResultOf(answered, kind).value

    def code(self, **claims: Any) -> str:
        return self.provider.visit(self.result(self.client.url(self.begun)), **claims)

    def person(self, **claims: Any) -> Person:
        person: Person = self.result(self.client.person(self.begun, self.code(**claims), None))
        return person

    def lies(self, reason: str, **claims: Any) -> None:
        """
        A token with these claims is not believed.
        """
        self.provider.changes = claims
        told = self.refused(self.client.person(self.begun, self.code(), None), NotBelieved)
        self.assertIn(reason, told.reason)
        self.assertEqual(str(told), "The log-in by this provider did not succeed. Begin again.")


class ClientTests(ProviderCase):
    """Log-ins that are right."""

    def test_a_person_comes_back(self) -> None:
        """The provider's strictness holds for us: PKCE, redirect address, our secret."""
        person = self.person(email="carol@test", email_verified=True)
        self.assertEqual(
            person, Person("oidc:work", "p-1", "carol", "carol@test", email_verified=True)
        )

    def test_a_secret_in_the_form(self) -> None:
        """Providers that know no Basic are given the secret in the body."""
        self.client = self.provider.client(client_auth="post")
        self.assertEqual(self.person().name, "carol")

    def test_nothing_secret_leaves_by_the_browser(self) -> None:
        """Neither the verifier nor the client's secret is in the address."""
        url = self.result(self.client.url(self.begun))
        self.assertNotIn(self.begun.verifier, url)
        told = "client_id code_challenge code_challenge_method nonce redirect_uri response_type"
        self.assertEqual(" ".join(sorted(query_of(url))), f"{told} scope state")

    def test_groups_and_roles_are_read_from_claims(self) -> None:
        """Also from within objects; what is no text is not looked at."""
        rules = AccountRules(
            groups_claim="realm.groups",
            roles=(RoleRule(claim="unit", value="physics", project="lab"),),
        )
        self.client = self.provider.client(accounts=rules)
        person = self.person(realm={"groups": ["a", 7, "b", "a"]}, unit="physics")
        self.assertEqual((person.groups, person.roles), (("a", "b"), (("lab", "member"),)))

    def test_userinfo_adds_claims(self) -> None:
        """What the ID token does not tell is asked for."""
        self.client = self.provider.client(userinfo=True)
        self.assertEqual(self.person().email, "carol@userinfo.test")

    def test_an_address_and_its_being_verified_are_of_one_mouth(self) -> None:
        """What userinfo says of one address is not said of that in the ID token."""
        self.client = self.provider.client(userinfo=True)
        person = self.person(email_verified=True)
        self.assertEqual((person.email, person.email_verified), ("carol@userinfo.test", True))
        self.provider.changes = {"email": "victim@example.org", "email_verified": None}
        person = self.person(email_verified=True)
        self.assertEqual((person.email, person.email_verified), ("victim@example.org", False))
        self.provider.changes = {"email": None, "email_verified": True}
        person = self.person(email_verified=None)
        self.assertEqual((person.email, person.email_verified), ("carol@userinfo.test", False))

    def test_a_clock_may_be_a_little_wrong(self) -> None:
        """A provider whose clock is ahead, or whose token has just ended, is believed."""
        self.provider.changes = {"iat": NOW + 30, "exp": NOW - 30}
        self.assertEqual(self.person().name, "carol")

    def test_metadata_and_keys_are_kept(self) -> None:
        """Two log-ins ask once."""
        self.person()
        self.person()
        self.assertEqual(self.provider.asked, ["metadata", "jwks"])

    def test_keys_rotate(self) -> None:
        """A key that is published since we looked is found at once, without a restart."""
        self.person()
        self.provider.signs, self.provider.published = KEYS[1], KEYS
        self.provider.now += 31
        self.assertEqual(self.person().name, "carol")

    def test_keys_that_are_gone_are_forgotten(self) -> None:
        """A key that is not published any more signs nothing an hour later."""
        self.person()
        self.provider.published = [KEYS[1]]
        self.provider.now += 3601
        self.lies("key unknown")


class HostileTests(ProviderCase):
    """Log-ins that are not."""

    def test_claims_of_another_log_in(self) -> None:
        """Each claim that ties the token to us and to this log-in is looked at."""
        for reason, claims in (
            ("nonce", {"nonce": "another"}),
            ("MissingClaim", {"nonce": None}),
            ("InvalidClaim", {"aud": "another"}),
            ("InvalidClaim", {"aud": ["another"]}),
            ("MissingClaim", {"aud": None}),
            ("azp", {"aud": ["cloud", "another"]}),
            ("azp", {"azp": "another"}),
            ("InvalidClaim", {"iss": "https://evil.test"}),
            ("InvalidClaim", {"iss": ISSUER + "/"}),
            ("MissingClaim", {"iss": None}),
            ("Expired", {"exp": NOW - 61}),
            ("MissingClaim", {"exp": None}),
            ("InvalidClaim", {"iat": NOW + 61}),
            ("iat", {"iat": NOW - 86401, "exp": NOW + 9}),
            ("MissingClaim", {"iat": None}),
            ("MissingClaim", {"sub": None}),
            ("InvalidClaim", {"sub": 7}),
            ("sub", {"sub": "x" * 256}),
            ("ID token", {"nbf": NOW + 61}),
        ):
            with self.subTest(claims=claims):
                self.lies(reason, **claims)

    def forged(self, token: str) -> str:
        self.provider.id_token = token
        told = self.refused(self.client.person(self.begun, self.code(), None), NotBelieved)
        return str(told.reason)

    def claims(self) -> dict[str, Any]:
        return {
            "iss": ISSUER,
            "aud": "cloud",
            "sub": "p-1",
            "iat": NOW,
            "exp": NOW + 9,
            "nonce": self.begun.nonce,
        }

    def test_no_signature(self) -> None:
        """`alg: none` in any letters proves nothing."""
        for name in ("none", "None", "NONE", ""):
            with self.subTest(alg=name):
                self.assertIn("ID token", self.forged(unsigned({"alg": name}, self.claims())))

    def test_the_public_key_as_a_secret(self) -> None:
        """HS256 with the published key's text is not taken for a signature."""
        as_text = json.dumps(KEYS[0].as_dict(private=False))
        for key in (KEYS[0].as_pem(private=False), as_text.encode()):
            body = unsigned({"alg": "HS256", "kid": "k0"}, self.claims())[:-1]
            mac = hmac.digest(key, body.encode(), "sha256")
            signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
            self.assertIn("ID token", self.forged(f"{body}.{signature}"))

    def test_a_key_of_its_own(self) -> None:
        """A key in the token's header, or one that borrows a known name, signs nothing."""
        key = RSAKey.generate_key(2048)
        for more in ({"kid": "k0"}, {"jwk": key.as_dict(private=False)}, {}):
            with self.subTest(header=list(more)):
                token = jwt.encode({"alg": "RS256", **more}, self.claims(), key)
                self.assertIn("ID token", self.forged(token))

    def test_an_unknown_key_does_not_make_us_ask_at_will(self) -> None:
        """Whatever names a new key: the provider is asked once in half a minute."""
        self.provider.signs = KEYS[1]
        for _ in range(5):
            self.lies("key unknown")
        self.assertEqual(self.provider.asked.count("jwks"), 1)
        self.provider.now += 31
        self.lies("key unknown")
        self.assertEqual(self.provider.asked.count("jwks"), 2)

    def test_garbage(self) -> None:
        """What is no token raises nothing else."""
        for text in ("", ".", "a.b.c", "..", "e30.e30.e30", "é.é.é", "x" * 100_000):
            with self.subTest(text=text[:9]):
                self.assertIn("ID token", self.forged(text))

    def test_a_code_is_good_once(self) -> None:
        """The provider refuses it the second time, and we say so plainly."""
        code = self.code()
        self.result(self.client.person(self.begun, code, None))
        told = self.refused(self.client.person(self.begun, code, None), NotBelieved)
        self.assertIn("invalid_grant", told.reason)

    def test_a_code_of_another_log_in(self) -> None:
        """A code that another browser got is no use with our verifier."""
        code = self.code()
        other = Begun.anew(BACK)
        self.refused(self.client.person(other, code, None), NotBelieved)

    def test_an_answer_of_another_provider(self) -> None:
        """`iss` beside the code (RFC 9207): another is refused, none is where it was promised."""
        code = self.code()
        self.refused(self.client.person(self.begun, code, "https://evil.test"), NotBelieved)
        self.assertIn(code, self.provider.codes)  # it was not even shown to ours
        self.provider.metadata = {"authorization_response_iss_parameter_supported": True}
        self.client = self.provider.client()
        self.refused(self.client.person(self.begun, self.code(), None), NotBelieved)
        self.result(self.client.person(self.begun, self.code(), ISSUER))

    def test_userinfo_of_another_person(self) -> None:
        """The endpoint must tell of the token's subject."""
        self.client = self.provider.client(userinfo=True)
        self.lies("another person", sub="p-2")

    def test_metadata_of_another(self) -> None:
        """Metadata that names another issuer, or addresses that others can read, is refused."""
        for change in (
            {"issuer": "https://evil.test"},
            {"token_endpoint": "http://login.test/token"},
            {"jwks_uri": None},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"code_challenge_methods_supported": ["plain"]},
        ):
            with self.subTest(change=change):
                self.provider.metadata = change
                self.refused(self.provider.client().url(self.begun), ProviderAway)

    def test_settings_that_open_a_door(self) -> None:
        """An issuer by http elsewhere, and signatures by our own secret, can't be set."""
        for change in (
            {"issuer": "http://login.test"},
            {"algorithms": ("none",)},
            {"algorithms": ("HS256",)},
        ):
            with self.assertRaises(ValueError):
                OidcProvider(**({"issuer": ISSUER, "client_id": "cloud"} | change))  # type: ignore[arg-type]


class SlowTests(SynchronousTestCase):
    """Providers that don't end."""

    def test_no_answer(self) -> None:
        """A request ends after ten seconds."""

        class Silent:
            def request(self, *_: object, **__: object) -> Deferred[object]:
                return Deferred()

        clock = Clock()
        asked = Deferred.fromCoroutine(Fetcher(Silent(), clock).ask("GET", "https://login.test"))
        clock.advance(fetching.TOTAL_TIMEOUT_S - 1)
        self.assertNoResult(asked)
        clock.advance(1)
        self.failureResultOf(asked, ProviderAway)

    def test_too_long_an_answer(self) -> None:
        """Half a MiB is read, and no more."""
        provider = AProvider(metadata={"filling": "x" * fetching.LARGEST_BYTES})
        asked = Deferred.fromCoroutine(provider.client().url(Begun.anew(BACK)))
        provider.treq.flush()
        told = self.failureResultOf(asked, ProviderAway).value
        self.assertIn("TooMuch", told.reason)

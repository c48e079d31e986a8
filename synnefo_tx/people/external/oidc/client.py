"""
We as a client of a provider: where a browser is sent, and what its coming back is worth.

Source: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE), RFC 9207 (`iss`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, urlencode

from attrs import field, frozen

from synnefo_tx.people.external.errors import NotBelieved, ProviderAway
from synnefo_tx.people.external.fetching import Fetcher
from synnefo_tx.people.external.oidc.id_tokens import Expected, KeyUnknown, claims_of
from synnefo_tx.people.external.oidc.metadata import Published
from synnefo_tx.people.external.person import Person, is_storable, person_of
from synnefo_tx.people.external.settings import OidcProvider

LONGEST_CODE = 4096
TOO_MANY = 429
_OURS = ("invalid_client", "unauthorized_client")  # wrong in our settings: no person's fault


@frozen
class Begun:
    """
    A log-in that waits for its browser.  state goes around by the browser; nonce and verifier are
    ours until it is back.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_url: str

    @classmethod
    def anew(cls, redirect_url: str) -> Begun:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, redirect_url)


@frozen(eq=False)
class OidcClient:
    """
    clock: seconds since the epoch.
    """

    name: str
    settings: OidcProvider
    _secret: str | None = field(repr=False)
    _fetcher: Fetcher
    _published: Published
    _clock: Callable[[], float]

    @classmethod
    def of(
        cls,
        name: str,
        settings: OidcProvider,
        secret: str | None,
        fetcher: Fetcher,
        clock: Callable[[], float],
    ) -> OidcClient:
        published = Published(settings.issuer, fetcher, clock)
        return cls(name, settings, secret, fetcher, published, clock)

    async def url(self, begun: Begun) -> str:
        """
        Where the browser goes.  Raises ProviderAway.
        """
        there = (await self._published.metadata()).authorization
        digest = hashlib.sha256(begun.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": begun.redirect_url,
            "scope": " ".join(self.settings.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{there}{'&' if '?' in there else '?'}{urlencode(query)}"

    async def person(self, begun: Begun, code: str, issuer: str | None) -> Person:
        """
        Who came back with `code`.  issuer: the `iss` beside it.  Raises NotBelieved, ProviderAway.
        """
        metadata = await self._published.metadata()
        if issuer != self.settings.issuer and (issuer is not None or metadata.says_issuer):
            raise NotBelieved("an answer of another provider")
        if not 0 < len(code) <= LONGEST_CODE:
            raise NotBelieved("no code")
        tokens = await self._tokens(metadata.token, begun, code)
        claims = await self._claims(tokens["id_token"], begun.nonce)
        if self.settings.userinfo and metadata.userinfo:
            claims = await self._more(metadata.userinfo, tokens.get("access_token"), claims)
        return self._person(claims)

    async def _tokens(self, url: str, begun: Begun, code: str) -> dict[str, Any]:
        settings, auth = self.settings, None
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect_url,
            "code_verifier": begun.verifier,
        }
        if self._secret is not None and settings.client_auth == "basic":
            auth = (quote_plus(settings.client_id), quote_plus(self._secret))
        else:
            form["client_id"] = settings.client_id
            if self._secret is not None:
                form["client_secret"] = self._secret
        answer = await self._fetcher.ask("POST", url, data=form, auth=auth)
        told = answer.json if isinstance(answer.json, dict) else {}
        error = str(told.get("error"))[:64]
        if error in _OURS or answer.status == TOO_MANY:
            raise ProviderAway(f"it refuses us: {answer.status}, {error!r}")
        if 400 <= answer.status < 500:
            raise NotBelieved(f"the code was refused: {error!r}")
        if answer.status != 200 or not isinstance(told.get("id_token"), str):
            raise ProviderAway(f"its token endpoint answered {answer.status}, no ID token")
        return told

    async def _claims(self, text: str, nonce: str) -> dict[str, Any]:
        settings = self.settings
        expected = Expected(
            issuer=settings.issuer,
            client_id=settings.client_id,
            nonce=nonce,
            algorithms=settings.algorithms,
            now=int(self._clock()),
            skew_s=settings.clock_skew_s,
        )
        try:
            return claims_of(text, await self._published.keys(), expected)
        except KeyUnknown:
            fresh = await self._published.keys_again()
        try:
            if fresh is not None:
                return claims_of(text, fresh, expected)
        except KeyUnknown:
            pass
        raise NotBelieved("the ID token: key unknown")

    async def _more(self, url: str, token: object, claims: dict[str, Any]) -> dict[str, Any]:
        """
        The claims with those of the userinfo endpoint beside them.  Whether an address is verified
        is said by whichever of the two tells it.
        """
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise NotBelieved("no access token")
        told = await self._fetcher.object(url, headers={"Authorization": f"Bearer {token}"})
        subject = told.get("sub")
        if not isinstance(subject, str) or not hmac.compare_digest(
            subject.encode("utf-8", "replace"), claims["sub"].encode("utf-8", "replace")
        ):
            raise NotBelieved("userinfo of another person")
        address = claims if "email" in claims else told
        return told | claims | {"email_verified": address.get("email_verified")}

    def _person(self, claims: dict[str, Any]) -> Person:
        named = [claims.get(self.settings.name_claim), claims.get("email"), claims["sub"]]
        texts = [one.strip() for one in named if isinstance(one, str)]
        name = next((one for one in texts if is_storable(one)), "")
        if not name:
            raise NotBelieved("no name")
        rules = self.settings.accounts
        return person_of(f"oidc:{self.name}", claims["sub"], claims, rules, name)

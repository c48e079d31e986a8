"""
What a provider publishes of itself: its addresses, and the keys it signs with.

Source: OpenID Connect Discovery 1.0, sections 3 and 4.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from twisted.internet.defer import Deferred

from synnefo_tx.people.external.errors import ProviderAway
from synnefo_tx.people.external.fetching import Fetcher
from synnefo_tx.people.external.settings import is_private

FRESH_S = 3600.0
#: an unknown key makes us look again, not oftener than this: anybody may name one
AGAIN_S = 30.0
#: and anybody may begin a log-in
AWAY_S = 5.0


@frozen
class Metadata:
    """
    URLs.  says_issuer: answers to the browser name the provider (RFC 9207).
    """

    authorization: str
    token: str
    jwks: str
    userinfo: str | None = None
    says_issuer: bool = False


@define
class Published:
    """
    The same of one provider, kept for an hour.  clock: seconds.
    """

    issuer: str
    _fetcher: Fetcher
    _clock: Callable[[], float]
    _metadata: Metadata | None = field(default=None, init=False)
    _metadata_at: float = field(default=0.0, init=False)
    _away: ProviderAway | None = field(default=None, init=False)
    _away_at: float = field(default=0.0, init=False)
    _asking: list[Deferred[None]] | None = field(default=None, init=False)
    _keys: KeySet | None = field(default=None, init=False)
    _keys_at: float = field(default=0.0, init=False)
    _keys_asked_at: float = field(default=0.0, init=False)

    async def metadata(self) -> Metadata:
        """
        Raises ProviderAway.  However many want it, the provider is asked once; and when it was
        away, not again for a moment.
        """
        while self._asking is not None:
            waiting: Deferred[None] = Deferred()
            self._asking.append(waiting)
            await waiting
        if self._metadata is not None and self._clock() - self._metadata_at <= FRESH_S:
            return self._metadata
        if self._away is not None and 0 <= self._clock() - self._away_at < AWAY_S:
            raise ProviderAway(self._away.reason)
        return await self._ask()

    async def keys(self) -> KeySet:
        """
        Raises ProviderAway.
        """
        if self._keys is None or self._clock() - self._keys_at > FRESH_S:
            await self._fetch_keys()
        assert self._keys is not None
        return self._keys

    async def keys_again(self) -> KeySet | None:
        """
        Those of now, for a token by a key that we don't know; None: we looked just before.
        Raises ProviderAway.
        """
        if self._clock() - self._keys_asked_at < AGAIN_S:
            return None
        await self._fetch_keys()
        return self._keys

    async def _ask(self) -> Metadata:
        self._asking = []
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = _checked(self.issuer, await self._fetcher.object(url))
        except ProviderAway as error:
            self._away, self._away_at = error, self._clock()
            raise
        else:
            self._metadata, self._metadata_at, self._away = found, self._clock(), None
            return found
        finally:
            waiting, self._asking = self._asking, None
            for one in waiting:
                one.callback(None)

    async def _fetch_keys(self) -> None:
        self._keys_asked_at = self._clock()  # also of one that fails: nobody makes us ask at will
        told = await self._fetcher.object((await self.metadata()).jwks)
        listed = told.get("keys")
        usable = [_public(key) for key in listed if _signs(key)] if isinstance(listed, list) else []
        try:
            self._keys = KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderAway(f"its keys are none: {type(error).__name__}") from error
        self._keys_at = self._clock()


def _signs(key: object) -> bool:
    """
    Whether a published key may sign tokens.  Others don't disturb.
    """
    return (
        isinstance(key, dict)
        and key.get("kty") in ("RSA", "EC", "OKP")
        and key.get("use", "sig") == "sig"
    )


def _public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name not in ("key_ops", "x5c", "x5t")}


def _checked(issuer: str, told: dict[str, Any]) -> Metadata:
    """
    Raises ProviderAway for metadata of another provider, and for addresses that others can read.
    """
    if told.get("issuer") != issuer:
        raise ProviderAway("it calls itself by another name")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not isinstance(told.get(name), str) or not is_private(told[name]):
            raise ProviderAway(f"its {name} is no https URL")
    methods = told.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise ProviderAway("it takes no S256")
    userinfo = told.get("userinfo_endpoint")
    return Metadata(
        authorization=told["authorization_endpoint"],
        token=told["token_endpoint"],
        jwks=told["jwks_uri"],
        userinfo=userinfo if isinstance(userinfo, str) and is_private(userinfo) else None,
        says_issuer=told.get("authorization_response_iss_parameter_supported") is True,
    )

"""
An OpenID provider in the test's memory that is strict where RFC 7636 and 6749 are, and lies as the
test tells it to.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from klein import Klein
from treq.testing import StubTreq
from twisted.internet.task import Clock

from synnefo_tx.people.external.fetching import Fetcher
from synnefo_tx.people.external.oidc.client import OidcClient
from synnefo_tx.people.external.settings import OidcProvider

ISSUER = "https://login.test"
KEYS = [RSAKey.generate_key(2048, {"kid": f"k{number}", "use": "sig"}) for number in range(2)]
SECRET = "a secret: of ours"
NOW = 1_800_000_000


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@define(slots=False)
class AProvider:
    """
    changes: claims of the ID token that are not as they should be; None: left out.  metadata:
    the same of the metadata.  id_token: the whole one.  refusal: of the token endpoint.
    """

    now: float = NOW
    signs: Any = field(factory=lambda: KEYS[0])
    published: list[Any] = field(factory=lambda: [KEYS[0]])
    changes: dict[str, Any] = field(factory=dict)
    metadata: dict[str, Any] = field(factory=dict)
    id_token: str | None = None
    refusal: str = "invalid_grant"
    asked: list[str] = field(factory=list)
    codes: dict[str, dict[str, str]] = field(factory=dict)
    people: dict[str, dict[str, Any]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        app = Klein()
        app.route("/.well-known/openid-configuration")(self._metadata)
        app.route("/jwks")(self._jwks)
        app.route("/token", methods=["POST"])(self._token)
        app.route("/userinfo")(self._userinfo)
        self.reactor = Clock()
        self.treq = StubTreq(app.resource())
        self.fetcher = Fetcher(self.treq, self.reactor)

    def clock(self) -> float:
        return self.now

    def client(self, **settings: Any) -> OidcClient:
        fields: dict[str, Any] = {"client_secret_file": "x"} | settings
        known = OidcProvider(issuer=ISSUER, client_id="cloud", **fields)
        secret = SECRET if known.client_secret_file else None
        return OidcClient.of("work", known, secret, self.fetcher, self.clock)

    def visit(self, url: str, **claims: Any) -> str:
        """
        What a person's browser brings back from `url`: the code.
        """
        code = secrets.token_hex(8)
        self.codes[code] = query_of(url)
        self.people[code] = {"sub": "p-1", "preferred_username": "carol"} | claims
        return code

    def _metadata(self, _request: Any) -> str:
        self.asked.append("metadata")
        told = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
        }
        return json.dumps(told | self.metadata)

    def _jwks(self, _request: Any) -> str:
        self.asked.append("jwks")
        return json.dumps(KeySet(self.published).as_dict(private=False))

    def _userinfo(self, request: Any) -> str:
        code = request.getHeader("authorization").removeprefix("Bearer ")
        return json.dumps(self.people[code] | {"email": "carol@userinfo.test"})

    def _token(self, request: Any) -> str:
        form = dict(parse_qsl(request.content.read().decode()))
        begun = self.codes.pop(form["code"], None)
        if begun is None or not self._may(request, form, begun):
            request.setResponseCode(400)
            return json.dumps({"error": self.refusal})
        told = {"access_token": form["code"], "token_type": "Bearer"}
        return json.dumps(told | {"id_token": self._signed(form["code"], begun)})

    def _may(self, request: Any, form: dict[str, str], begun: dict[str, str]) -> bool:
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        told = (request.getUser(), request.getPassword())
        known = told == (b"cloud", b"a+secret%3A+of+ours") or form.get("client_secret") == SECRET
        return (
            known
            and challenge == begun["code_challenge"]
            and begun["code_challenge_method"] == "S256"
            and form["redirect_uri"] == begun["redirect_uri"]
        )

    def _signed(self, code: str, begun: dict[str, str]) -> str:
        if self.id_token is not None:
            return self.id_token
        claims = {
            "iss": ISSUER,
            "aud": "cloud",
            "iat": int(self.now),
            "exp": int(self.now) + 300,
            "nonce": begun["nonce"],
        }
        claims |= self.people[code] | self.changes
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.signs.kid}, present, self.signs)

"""
Whether an ID token is one, and what it claims.

Source: OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import hmac
from typing import Any

from attrs import frozen
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from synnefo_tx.people.external.errors import NotBelieved
from synnefo_tx.people.external.person import is_storable

LONGEST_SUBJECT = 255
OLDEST_S = 24 * 3600


class KeyUnknown(Exception):
    """
    By a key that the provider had not published when we looked.
    """


@frozen
class Expected:
    """
    What must be in the token.  Times in seconds.
    """

    issuer: str
    client_id: str
    nonce: str
    algorithms: tuple[str, ...]
    now: int
    skew_s: int


def claims_of(text: str, keys: KeySet, expected: Expected) -> dict[str, Any]:
    """
    The claims of a token that is right.  Raises NotBelieved and KeyUnknown.
    """
    algorithms = list(expected.algorithms)
    try:
        token = jwt.decode(
            text, keys, algorithms=algorithms, registry=JWSRegistry(algorithms=algorithms)
        )
        _registry(expected).validate(token.claims)
    except InvalidKeyIdError as error:
        raise KeyUnknown from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelieved(f"the ID token: {type(error).__name__}") from error
    _check(token.claims, expected)
    return token.claims


def _registry(expected: Expected) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=expected.now,
        leeway=expected.skew_s,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True},
    )


def _check(claims: dict[str, Any], expected: Expected) -> None:
    """
    What the library does not look at.
    """
    subject, nonce, issued = claims.get("sub"), claims.get("nonce"), claims.get("iat")
    if not isinstance(subject, str) or len(subject) > LONGEST_SUBJECT or not is_storable(subject):
        raise NotBelieved("the ID token: sub")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode("utf-8", "replace"), expected.nonce.encode()
    ):
        raise NotBelieved("the ID token: nonce")
    if isinstance(issued, bool) or not isinstance(issued, (int, float)):
        raise NotBelieved("the ID token: iat")
    if not expected.now - OLDEST_S < issued <= expected.now + expected.skew_s:
        raise NotBelieved("the ID token: iat")
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != expected.client_id:
        raise NotBelieved("the ID token: azp")

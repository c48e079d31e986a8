"""
What clients are told of a user, by scope, and of a token.

Source: OpenID Connect Core 2, 5.4; RFC 8176 for amr; RFC 7662 2.2.
"""

from __future__ import annotations

import hashlib
from typing import Any

from synnefo_tx.openid.model import Grant, Held, Person
from synnefo_tx.openid.rules.verifier import base64url

ID_TOKEN_S = 600
_AMR = {"password": "pwd", "totp": "otp"}


def person_claims(person: Person, scopes: tuple[str, ...]) -> dict[str, Any]:
    """
    `email_verified` is what people have shown here; what the user's attributes say of it, whoever
    may change them, counts for nothing.
    """
    claims: dict[str, Any] = {"sub": person.id}
    details = person.details
    if "profile" in scopes:
        claims["preferred_username"] = person.name
        claims["name"] = _text(details.get("full_name")) or person.name
    email = _text(details.get("email"))
    if "email" in scopes and email:
        claims["email"] = email
        claims["email_verified"] = person.email_verified
    return claims


def id_claims(issuer: str, grant: Grant, access: str, now: int) -> dict[str, Any]:
    """
    Of an ID token.  access: the token given with it.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": grant.person.id,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + ID_TOKEN_S,
        "auth_time": grant.logged_in_at,
        "amr": amr(grant.methods),
        "at_hash": base64url(hashlib.sha256(access.encode("ascii")).digest()[:16]),
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    return claims


def amr(methods: tuple[str, ...]) -> list[str]:
    """
    How the user has logged in.
    """
    told = [_AMR[one] for one in methods if one in _AMR]
    return [*told, "mfa"] if len(told) > 1 else told


def introspection(held: Held, issuer: str) -> dict[str, Any]:
    """
    What is told of a good token.
    """
    told = {
        "active": True,
        "scope": " ".join(held.scopes),
        "client_id": held.grant.client_id,
        "username": held.grant.person.name,
        "sub": held.grant.person.id,
        "iss": issuer,
        "aud": held.grant.client_id,
        "iat": held.issued_at,
        "exp": held.expires_at,
    }
    return told | ({"token_type": "Bearer"} if held.kind == "access" else {})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

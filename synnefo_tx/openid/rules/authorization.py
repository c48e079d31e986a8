"""
Whether a request for a code is one that may be shown to the user.

Source: RFC 6749 4.1, RFC 7636, OpenID Connect Core 3.1.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from synnefo_tx.openid.errors import NoSafeReturn, SentBack
from synnefo_tx.openid.model import SCOPES, Client, Wish

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
LONGEST_PARAMETER = 2000
NOT_TAKEN = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


def safe_return(client: Client | None, given: Sequence[tuple[str, str]]) -> str:
    """
    The client's own URI to which errors may be sent too.  Raises NoSafeReturn.
    """
    if client is None or not client.enabled:
        raise NoSafeReturn("No application with this client_id is registered here.")
    named = [value for name, value in given if name == "redirect_uri"]
    if len(named) != 1 or named[0] not in client.redirect_uris:
        raise NoSafeReturn("The redirect_uri is not one that the application has registered.")
    return named[0]


def wish_of(client: Client, redirect_uri: str, given: Sequence[tuple[str, str]]) -> Wish:
    """
    The request, checked.  Raises SentBack.
    """
    told = dict(given)
    _grammar(given, told)
    if told.get("response_type") != "code":
        raise SentBack("unsupported_response_type", "response_type must be code")
    if told.get("response_mode", "query") != "query":
        raise SentBack("invalid_request", "response_mode must be query")
    return Wish(
        client.id,
        redirect_uri,
        _scopes(client, told.get("scope", "")),
        told.get("state"),
        told.get("nonce"),
        _challenge(client, told),
        _prompts(told.get("prompt", "")),
        _max_age(told.get("max_age")),
        told.get("login_hint", ""),
    )


def _grammar(given: Sequence[tuple[str, str]], told: Mapping[str, str]) -> None:
    if len(told) != len(given):
        raise SentBack("invalid_request", "a parameter is there twice")
    for name, code in NOT_TAKEN.items():
        if name in told:
            raise SentBack(code, f"{name} is not supported")
    if any(len(value) > LONGEST_PARAMETER or "\0" in value for value in told.values()):
        raise SentBack("invalid_request", "a parameter is too long")


def _scopes(client: Client, text: str) -> tuple[str, ...]:
    """
    Those asked for that we know and the client may have.
    """
    wanted = set(text.split())
    scopes = tuple(one for one in SCOPES if one in wanted and one in client.scopes)
    if not scopes:
        raise SentBack("invalid_scope", "no scope is asked for that this application may have")
    return scopes


def _challenge(client: Client, told: Mapping[str, str]) -> str | None:
    challenge = told.get("code_challenge")
    if challenge is None:
        if client.public or "code_challenge_method" in told:
            raise SentBack("invalid_request", "code_challenge is required")
        return None
    if told.get("code_challenge_method") != "S256":
        raise SentBack("invalid_request", "code_challenge_method must be S256")
    if not CHALLENGE.fullmatch(challenge):
        raise SentBack("invalid_request", "code_challenge is no SHA-256 in base64url")
    return challenge


def _prompts(text: str) -> tuple[str, ...]:
    prompts = tuple(text.split())
    if not set(prompts) <= PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise SentBack("invalid_request", "prompt is unknown, or none beside others")
    return prompts


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise SentBack("invalid_request", "max_age is no number of seconds")
    return int(text)

"""
What a user's options say once a second factor is enrolled, and the address by which programs for
codes take its secret.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from synnefo_tx.identity.rules.login import COUNTED, OPENID
from synnefo_tx.identity.rules.totp import DIGITS, STEP_S, TOTP

RULES, ENABLED = "multi_factor_auth_rules", "multi_factor_auth_enabled"
#: an application credential is a secret of its own, which only a full log-in has made
OURS = [["password", TOTP], [OPENID, TOTP], ["application_credential"]]
_SECRET_BYTES = 20  # RFC 4226 section 4, R6
Options = dict[str, Any]


def new_secret() -> str:
    """
    In base32, without padding.
    """
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def address_of(secret: str, user_name: str, cloud: str) -> str:
    """
    As a QR code shows it.  cloud: how programs call us.
    Source: github.com/google/google-authenticator, wiki page Key Uri Format.
    """
    told = {
        "secret": secret,
        "issuer": cloud,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP_S,
    }
    label = f"{quote(cloud, safe='')}:{quote(user_name, safe='')}"
    return f"otpauth://totp/{label}?{urlencode(told, quote_via=quote)}"


def is_asked_for(options: Mapping[str, Any]) -> bool:
    """
    Whether every way to log in by a person takes a code as well.
    """
    counted = [[way for way in rule if way in COUNTED] for rule in options.get(RULES) or []]
    rules = [rule for rule in counted if rule]
    by_person = [rule for rule in rules if "application_credential" not in rule]
    on = bool(options.get(ENABLED, True))
    return on and bool(rules) and all(TOTP in rule for rule in by_person)


def demanding(options: Mapping[str, Any]) -> Options:
    """
    The options with which a code is asked for.  What an administrator has set to that end stays.
    """
    if is_asked_for(options):
        return dict(options)
    return {**options, RULES: OURS, ENABLED: True}


def released(options: Mapping[str, Any]) -> Options:
    """
    The options without what `demanding` has set.
    """
    if options.get(RULES) != OURS:
        return dict(options)
    return {name: value for name, value in options.items() if name not in (RULES, ENABLED)}

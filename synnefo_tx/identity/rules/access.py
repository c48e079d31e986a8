"""
The calls that a token with access rules is good for.

Source: keystonemiddleware's keystonemiddleware/auth_token, release 2026.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import unquote

from synnefo_tx.identity.token import Token

_PART = re.compile(r"(?P<name>\{[^}]*\})|(?P<deep>\*\*)|(?P<wild>\*)|(?P<text>[^{*]+|\{)")
_MEANING = {"name": r"[^/]+", "wild": r"[^/]*", "deep": r".*"}
_ASKING_ABOUT_A_TOKEN = ("GET", "/v3/auth/tokens")


def permits(token: Token, services: Collection[str], method: str, path: str) -> bool:
    """
    Whether the token's access rules, if it has any, allow the call.

    services: the types under which the catalog has the service.  path: below the service's root,
    percent-encoded as it came; it is judged as the routes read it, decoded and without a slash at
    its end.
    """
    if token.access_rules is None:
        return True
    plain = unquote(path).rstrip("/") or "/"
    if "identity" in services and (method, plain) == _ASKING_ABOUT_A_TOKEN:
        return True
    return any(
        service in services and allowed == method and _pattern(template).fullmatch(plain)
        for service, allowed, template in token.access_rules
    )


@lru_cache(maxsize=1024)
def _pattern(template: str) -> re.Pattern[str]:
    """
    "*" is any part of a path or none, "**" any parts, "{name}" one whole part.
    """
    parts = (
        _MEANING.get(found.lastgroup or "", "") or re.escape(found.group())
        for found in _PART.finditer(template)
    )
    return re.compile("".join(parts), re.DOTALL)

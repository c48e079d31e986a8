"""
Texts that nobody can guess, and what is kept of them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def fresh() -> str:
    """
    256 random bits, safe in a URL.
    """
    return secrets.token_urlsafe(32)


def digest(text: str) -> str:
    """
    What is kept of such a text.  It has too many bits for a slow hash to be of use.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def matches(text: str, kept: str | None) -> bool:
    """
    Whether `text` is the one of which `kept` was kept, in the same time for all that are not.
    """
    return hmac.compare_digest(digest(text), kept or "") and kept is not None

"""
Proof that who shows a code is who asked for it: RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import re

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def challenge_of(verifier: str | None) -> str | None:
    """
    The challenge that belongs to a verifier; "" for what is no verifier; None for none.
    """
    if verifier is None:
        return None
    if not _VERIFIER.fullmatch(verifier):
        return ""
    return base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def base64url(data: bytes) -> str:
    """
    Without padding.
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")

"""
Codes from a shared secret and the time: RFC 6238 with SHA-1, six digits, steps of 30 s.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

TOTP = "totp"  # the type of credentials that hold such a secret
USED = "totp_used"  # their attribute that tells the last step whose code was used
ENROLLED = "enrolled"  # their attribute that tells that its owner made it, and knows it alone
OURS = (USED, ENROLLED)  # attributes that no client sees or gives
STEP_S = 30
DIGITS = 6
PREVIOUS_STEPS = 1  # a code is still taken this many steps after its own


def step_of(secret: str, code: str, now: float) -> int | None:
    """
    The step whose code this is, of those that count now; None: it is of none.

    secret: in base32, with or without its padding.  now: seconds.  An unusable secret has no codes.
    """
    try:
        key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    except (binascii.Error, ValueError):
        return None
    current = int(now) // STEP_S
    found = None
    for step in range(current - PREVIOUS_STEPS, current + 1):
        if hmac.compare_digest(code_at(key, step).encode(), code.encode("utf-8", "replace")):
            found = step
    return found


def code_at(key: bytes, step: int) -> str:
    """
    The code of a step, "492039".  Source: RFC 4226 section 5.3.
    """
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"

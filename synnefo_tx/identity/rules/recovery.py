"""
Recovery codes: each stands for one code of a second factor that is lost.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

COUNT = 10
_RANDOM_BYTES = 10  # 80 bits: nobody finds one, also with the digest in hand
_CODE = re.compile(r"[A-Z2-7]{16}")
_LONGEST = 64


def new_code() -> str:
    """
    A code as its owner writes it down, "ABCD-EFGH-IJKL-MNOP".
    """
    text = base64.b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode("ascii")
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def digest_of(code: str) -> str | None:
    """
    What is kept of a code, however its owner types it; None: it is none.
    """
    text = code[:_LONGEST].upper().replace("-", "").replace(" ", "")
    if not _CODE.fullmatch(text):
        return None
    return hashlib.sha256(text.encode("ascii")).hexdigest()

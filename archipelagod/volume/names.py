"""
Names of volumes.
"""

from __future__ import annotations

import re

from archipelagod.wire.errors import BadRequest

_NAME = re.compile(r"[A-Za-z0-9._-]{1,120}")


def checked_name(name: str) -> str:
    """
    ``name``, if a volume may have it: 1-120 of ``A-Z a-z 0-9 . _ -``, but not ``.`` or ``..``.

    Raises BadRequest.
    """
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise BadRequest(f"{name[:130]!r} can't be the name of a volume")
    return name

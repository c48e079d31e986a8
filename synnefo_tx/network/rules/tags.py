"""
What a tag may be.  Pure.
"""

from __future__ import annotations

from synnefo_tx.network.errors import InvalidQuery
from synnefo_tx.network.rules.values import TAG_LENGTH, list_of, text

MOST = 50  # of one thing


def check_tag(tag: object) -> str:
    """
    Raises ValueError.
    """
    found: str = text(TAG_LENGTH)(tag)
    if not found:
        raise ValueError("'' is too short")
    return found


def read_tags(body: object) -> list[str]:
    """
    Of a body `{"tags": [...]}`.  Raises InvalidQuery.
    """
    if not isinstance(body, dict) or "tags" not in body:
        raise InvalidQuery("Invalid tags body")
    try:
        found: list[str] = list_of(check_tag, unique=False)(body["tags"])
    except ValueError as error:
        raise InvalidQuery(f"Invalid input for tags. Reason: {error}.") from None
    if len(set(found)) > MOST:
        raise InvalidQuery(f"Invalid input for tags. Reason: more than {MOST} tags.")
    return found

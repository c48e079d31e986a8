"""
Changes of a list of tags.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from synnefo_tx.compute.rules.server_schemas import MAX_TAGS
from synnefo_tx.errors import BadRequest

MAX_TAG = 60  # characters


def added(tags: Sequence[str], tag: str) -> list[str]:
    """
    `tags` with `tag`.  Raises BadRequest.
    """
    if tag in tags:
        return list(tags)
    if not tag or len(tag) > MAX_TAG or "," in tag or "/" in tag:
        why = f"{tag!r} is too long" if len(tag) > MAX_TAG else f"{tag!r} does not match '^[^,/]*$'"
        raise BadRequest(
            f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and "
            f"','. Validation error message: {why}"
        )
    if len(tags) >= MAX_TAGS:
        raise BadRequest(f"The number of tags exceeded the per-server limit {MAX_TAGS}")
    return sorted([*tags, tag])

"""
Pages as Nova makes them.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

MAX_LIMIT = 1000  # rows in one page, Nova's max_limit


def limit_and_marker(query: Mapping[str, Sequence[str]]) -> tuple[int, str | None]:
    """
    From a query whose limit is known to be digits.
    """
    asked = query.get("limit", ())
    limit = MAX_LIMIT
    if asked:
        digits = asked[-1].lstrip("0") or "0"
        limit = MAX_LIMIT if len(digits) > len(str(MAX_LIMIT)) else min(int(digits), MAX_LIMIT)
    markers = query.get("marker", ())
    return limit, markers[-1] if markers else None


def next_links(
    url: str, pairs: Sequence[tuple[str, str]], ids: Sequence[str], limit: int
) -> list[dict[str, str]]:
    """
    The link to the next page, when this one is full.
    """
    if not limit or len(ids) < limit:
        return []
    kept = sorted((key, value) for key, value in pairs if key != "marker")
    query = urlencode(sorted([*kept, ("marker", ids[-1])]))
    return [{"rel": "next", "href": f"{url}?{query}"}]

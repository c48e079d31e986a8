"""
What a list of volumes, snapshots, attachments or transfers is asked for.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

from synnefo_tx.errors import BadRequest
from synnefo_tx.volume.errors import InvalidInput
from synnefo_tx.volume.rules.queries import boolean

MAX_LIMIT = 1000
LARGEST = 2**31 - 1
_PAGING = ("limit", "marker", "offset", "sort", "sort_key", "sort_dir", "with_count")


@frozen(kw_only=True)
class Listing:
    """
    order: (name, descending).  everyone: the rows of all projects.
    """

    filters: dict[str, str]
    order: tuple[tuple[str, bool], ...]
    limit: int
    offset: int
    marker: str | None
    everyone: bool
    with_count: bool


def parse(pairs: Sequence[tuple[str, str]], sortable: Mapping[str, Any], is_admin: bool) -> Listing:
    """
    Raises BadRequest in Cinder's words.
    """
    query = dict(pairs)
    everyone = query.pop("all_tenants", None)
    return Listing(
        filters={name: value for name, value in query.items() if name not in _PAGING},
        order=_order(query, sortable),
        limit=min(_number(query, "limit", MAX_LIMIT), MAX_LIMIT),
        offset=_number(query, "offset", 0),
        marker=query.get("marker"),
        everyone=is_admin and everyone is not None and boolean("all_tenants", everyone, usual=True),
        with_count=boolean("with_count", query.get("with_count"), usual=False),
    )


def links(base: str, pairs: Sequence[tuple[str, str]], ids: Sequence[str], limit: int) -> Any:
    """
    The link to the next page, if there may be one.  base: the list's URL.
    """
    if len(ids) < limit or not ids or not any(name == "limit" for name, _ in pairs):
        return []
    kept = [(name, value) for name, value in pairs if name not in ("marker", "offset")]
    return [{"rel": "next", "href": f"{base}?{urlencode([*kept, ('marker', ids[-1])])}"}]


def _number(query: Mapping[str, str], name: str, usual: int) -> int:
    text = query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit()):
        what = "must be an integer" if not text.lstrip("-").isdigit() else "must be >= 0"
        raise BadRequest(f"{name} param {what}")
    if len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise BadRequest(f"{name} param must be <= {LARGEST}")
    return int(text)


def _order(query: Mapping[str, str], sortable: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    if "sort" in query:
        if "sort_key" in query or "sort_dir" in query:
            raise BadRequest("The 'sort_key' and 'sort_dir' parameters are deprecated and cannot "
                             "be used with the 'sort' parameter.")  # fmt: skip
        asked = [part.strip().partition(":") for part in query["sort"].split(",")]
        order = [(name or "created_at", way or "desc") for name, _, way in asked]
    else:
        way = query.get("sort_dir", "desc").strip()
        order = [(query.get("sort_key", "created_at").strip() or "created_at", way or "desc")]
    for name, way in order:
        if way not in ("asc", "desc"):
            raise InvalidInput("Unknown sort direction, must be one of: asc, desc")
        if name not in sortable:
            raise InvalidInput(f"Invalid sort keys: {name}")
    return tuple((name, way == "desc") for name, way in order)

"""
Neutron's query language: filters, fields, order and pages, from the pairs of a query.  Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import urlencode

from attrs import frozen

from synnefo_tx.network.errors import InvalidLimit, InvalidQuery, InvalidValue

MAX_LIMIT = 1000  # rows in one page when the client asks for more, or for none
CONTROL = {"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"}

Pairs = Sequence[tuple[str, str]]


@frozen
class Query:
    """
    order: (attribute, descending).  limit 0: the client asked for no pages (MAX_LIMIT holds).
    """

    filters: dict[str, list[str]]
    fields: tuple[str, ...]
    order: tuple[tuple[str, bool], ...]
    limit: int
    marker: str | None
    page_reverse: bool


def parse(pairs: Pairs, sortable: Collection[str]) -> Query:
    """
    Raises InvalidLimit or InvalidQuery.
    """
    filters: dict[str, list[str]] = {}
    for key, value in pairs:
        if key not in CONTROL and value:
            filters.setdefault(key, []).append(value)
    last = dict(pairs)
    return Query(
        filters=filters,
        fields=tuple(value for key, value in pairs if key == "fields" and value),
        order=_order(pairs, sortable),
        limit=_limit(last.get("limit", "0")),
        marker=last.get("marker") or None,
        page_reverse=is_true(last.get("page_reverse", "")),
    )


def is_true(text: str) -> bool:
    """
    What Neutron takes for true.
    """
    return text.lower() in ("true", "1", "yes", "on", "t", "y")


def boolean(text: str) -> bool:
    """
    The value of a filter on a yes or no.  Raises InvalidValue.
    """
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise InvalidValue(f"'{text}' cannot be converted to boolean")


def integer(text: str) -> int:
    """
    The value of a filter on a number.  Raises InvalidValue.
    """
    try:
        return int(text)
    except ValueError:
        raise InvalidValue(f"'{text}' is not an integer") from None


def pair(text: str) -> tuple[str, str]:
    """
    The value of a filter such as fixed_ips: "name=value".  Raises InvalidValue.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise InvalidValue(f"'{text}' is not of the form <key>=[value]")
    return name, value


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidLimit(text)
    return int(text)


def _order(pairs: Pairs, sortable: Collection[str]) -> tuple[tuple[str, bool], ...]:
    keys = [value for key, value in pairs if key == "sort_key" and value]
    directions = [value for key, value in pairs if key == "sort_dir" and value]
    if len(keys) != len(directions):
        raise InvalidQuery("The number of sort_keys and sort_dirs must be same")
    absent = [key for key in keys if key not in sortable]
    if absent:
        raise InvalidQuery(f"{absent} is invalid attribute for sort_keys")
    wrong = [direction for direction in directions if direction not in ("asc", "desc")]
    if wrong:
        raise InvalidQuery(
            f"{wrong} is invalid value for sort_dirs, valid value is 'asc' and 'desc'"
        )
    return tuple((key, way == "desc") for key, way in zip(keys, directions, strict=True))


def links(url: str, pairs: Pairs, ids: Sequence[str], query: Query) -> list[dict[str, str]]:
    """
    The "next" and "previous" links of a page whose rows have these ids.
    """
    if not query.limit:
        return []
    full = len(ids) >= min(query.limit, MAX_LIMIT)
    kept = [(key, value) for key, value in pairs if key not in ("marker", "page_reverse")]
    made = []
    if (full or query.page_reverse) and ids:
        further = urlencode([*kept, ("marker", ids[-1])])
        made.append({"rel": "next", "href": f"{url}?{further}"})
    if full or not query.page_reverse:
        marker = [("marker", ids[0])] if ids else []
        back = urlencode([*kept, *marker, ("page_reverse", "True")])
        made.append({"rel": "previous", "href": f"{url}?{back}"})
    return made

"""
Lists as Keystone gives them: filters and pages from the query, and the links around the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.identity.rows.lists import NUMBER_COMPARATORS, Filter, Page

LONGEST_PAGE = 1000
MOST_DIGITS = 18  # Python reads no endless numbers
COMPARATORS = ("equals", "contains", "startswith", "endswith")


def page_of(call: Call, columns: Mapping[str, str]) -> Page:
    """
    What the query asks for.  columns: the filters this list takes, each with its column.

    "name__icontains=x" works as in Keystone.  Unknown filters are ignored, as there.  Raises
    BadRequest for a limit that is no number.
    """
    filters = []
    for key, value in call.queries():
        name, _, comparator = key.partition("__")
        if name not in columns:
            continue
        folded = comparator.startswith("i")
        comparator = comparator.removeprefix("i") or "equals"
        if name == "password_expires_at":
            filters.append(_moment(columns[name], value))
        elif name == "enabled":
            filters.append(Filter("enabled", truth(value)))
        elif comparator in COMPARATORS:
            filters.append(Filter(columns[name], value, comparator, folded))
    return Page(tuple(filters), call.query("marker") or None, _limit(call))


def _moment(column: str, text: str) -> Filter:
    """
    "lt:2026-11-25T06:00:00Z", or without a comparator the moment itself.  Raises BadRequest.

    Source: Keystone's API reference, "List users".
    """
    comparator, _, told = text.partition(":")
    if comparator not in NUMBER_COMPARATORS:
        comparator, told = "eq", text
    try:
        at = datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadRequest(
            "Invalid input for field 'password_expires_at': the format is "
            "'{lt|lte|gt|gte|eq|neq}:YYYY-MM-DDTHH:mm:ssZ'."
        ) from error
    return Filter(column, int(at.timestamp()), comparator)


def truth(value: str) -> bool:
    """
    A flag in a query, as Keystone reads it: what doesn't say no says yes, "" as well.
    """
    return value.strip().lower() not in ("0", "f", "false", "off", "n", "no")


def flag(call: Call, name: str) -> bool:
    """
    Whether the query has `name` and it doesn't say no.
    """
    value = call.query(name)
    return value is not None and truth(value)


def collection(call: Call, key: str, views: Sequence[Mapping[str, Any]], more: bool) -> Reply:
    """
    The answer around a page.  more: whether rows follow.
    """
    here = f"{call.base}{_below(call)}"
    given = call.queries()
    answer: dict[str, Any] = {
        key: list(views),
        "links": {
            "next": None,
            "self": f"{here}?{urlencode(given)}" if given else here,
            "previous": None,
        },
    }
    if more and views:
        query = dict(given) | {"marker": str(views[-1]["id"])}
        answer["links"]["next"] = f"{here}?{urlencode(query)}"
        answer["truncated"] = True
    return json_reply(answer)


def _below(call: Call) -> str:
    return "/v3" + call.path.partition("/v3")[2].rstrip("/")


def _limit(call: Call) -> int | None:
    text = call.query("limit")
    if not text:
        return None
    digits = text.lstrip("0")
    if not (text.isascii() and text.isdecimal()) or not digits:
        raise BadRequest(f"Invalid input for field 'limit': {text!r} is not a positive number")
    return LONGEST_PAGE if len(digits) > MOST_DIGITS else min(int(digits), LONGEST_PAGE)

"""
Parts of collections: pages, chosen fields, objects with a tag.  Ganeti has none of these.

``limit``: the most objects.  ``after``: those whose name comes after this one.  ``tag``: those that
have it; more than one tag: all of them.  ``fields``: of bulk objects only these, with commas
between.  The header x-next-after says where the next page begins, when there is one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ganetid.rapi.answers import Page
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault

MOST = 1_000_000


@frozen
class Part:
    """Which objects of a collection are asked for: their names, and where the next page begins."""

    names: Sequence[str]
    after: str | None = None


def part_of(things: Mapping[str, Any], call: Call, names: Sequence[str] | None = None) -> Part:
    """
    The objects asked for.  things: by name, each with tags.  names: in order, if known.

    Raises Fault 400.
    """
    chosen: Sequence[str] = sorted(things) if names is None else names
    after = call.word("after")
    if after is not None:
        chosen = chosen[bisect_right(chosen, after) :]
    tags = set(call.words("tag"))
    if tags:
        chosen = [name for name in chosen if tags <= set(things[name].tags)]
    if "limit" not in call.query:
        return Part(chosen)
    limit = call.number("limit")
    if not 0 < limit <= MOST:
        raise Fault(400, "Invalid value for the 'limit' parameter")
    page = chosen[:limit]
    return Part(page, page[-1] if len(chosen) > limit else None)


def fields_of(call: Call) -> frozenset[str] | None:
    """The fields asked for, None for all."""
    wanted = call.word("fields")
    if not wanted:
        return None
    return frozenset(each.strip() for each in wanted.split(",") if each.strip())


def with_fields(value: Mapping[str, Any], fields: frozenset[str] | None) -> Mapping[str, Any]:
    """The object with these fields only.  Raises Fault 400 for one that it has not."""
    if fields is None:
        return value
    unknown = sorted(fields - set(value))
    if unknown:
        raise Fault(400, f"Unknown field '{unknown[0]}'")
    return {name: item for name, item in value.items() if name in fields}


def listed(
    things: Mapping[str, Any], call: Call, path: str, key: str, shown: Callable[[Any], Any]
) -> Page:
    """A whole answer: names and their paths, or with ``bulk`` all of each object."""
    part = part_of(things, call)
    if not call.flag("bulk"):
        rows = [{key: name, "uri": f"{path}/{name}"} for name in part.names]
        return Page(rows, part.after)
    fields = fields_of(call)
    return Page([with_fields(shown(things[name]), fields) for name in part.names], part.after)

"""
Queries of a server's actions.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.paging import limit_and_marker
from synnefo_tx.compute.rules.validation import NovaSchema, moment_us
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.microversions import Version

_MOMENT = {
    "type": "array",
    "items": {"type": "string", "format": "date-time"},
    "maxItems": 1,
}
_SINGLE: dict[str, Any] = {
    **{name: {**one, "maxItems": 1} for name, one in p.PAGING.items()},
    "changes-since": _MOMENT,
}
_258 = NovaSchema({"type": "object", "properties": _SINGLE, "additionalProperties": False})
_266 = NovaSchema(
    {
        "type": "object",
        "properties": {**_SINGLE, "changes-before": _MOMENT},
        "additionalProperties": False,
    }
)


@frozen
class ActionQuery:
    """
    limit: None for all.  since_us, before_us: microseconds of the last change, both included.
    """

    limit: int | None = None
    marker: str | None = None
    since_us: int | None = None
    before_us: int | None = None


def action_query(pairs: Sequence[tuple[str, str]], version: Version) -> ActionQuery:
    """
    Before 2.58 there are no pages and no filters, and nothing is looked at.  Raises BadRequest.
    """
    if version < (2, 58):
        return ActionQuery()
    query = (_266 if version >= (2, 66) else _258).check_query(pairs)
    limit, marker = limit_and_marker(query)
    since, before = (
        moment_us(query[name][-1]) if name in query else None
        for name in ("changes-since", "changes-before")
    )
    if since is not None and before is not None and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    return ActionQuery(limit, marker, since, before)

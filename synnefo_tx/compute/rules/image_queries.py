"""
Queries of images as compute's users put them, in the image service's words.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.paging import MAX_LIMIT, limit_and_marker
from synnefo_tx.compute.rules.validation import NovaSchema, moment_us
from synnefo_tx.errors import BadRequest

_SCHEMA = NovaSchema({"type": "object", "properties": p.PAGING, "additionalProperties": True})
_NAMES = {
    "name": "name",
    "status": "status",
    "server": "instance_uuid",
    "type": "image_type",
    "minRam": "min_ram",
    "minDisk": "min_disk",
}
_PROPERTY = "property-"


def translated(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """
    The pairs that Glance would be asked with; what Nova does not know is passed over.  Raises
    BadRequest.
    """
    limit, marker = limit_and_marker(_SCHEMA.check_query(pairs))
    asked = [("limit", str(min(limit, MAX_LIMIT)))]
    if marker is not None:
        asked.append(("marker", marker))
    for name, value in dict(pairs).items():
        if name.startswith(_PROPERTY):
            asked.append((name.removeprefix(_PROPERTY), value))
        elif name == "changes-since":
            asked.append(("updated_at", f"gte:{_checked(value)}"))
        elif name in _NAMES:
            asked.append((_NAMES[name], _value(name, value)))
    return asked


def _value(name: str, value: str) -> str:
    if name == "status":
        return value.lower()
    return value.rsplit("/", 1)[-1] if name == "server" else value


def _checked(moment: str) -> str:
    try:
        moment_us(moment)
    except ValueError as error:
        raise BadRequest("Invalid changes-since value.") from error
    return moment

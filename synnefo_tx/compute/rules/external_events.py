"""
Events that other services send about servers: what may be sent, and what becomes of it.  Pure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.microversions import Version

_NAMES = (
    "network-changed",
    "network-vif-plugged",
    "network-vif-unplugged",
    "network-vif-deleted",
)
_SINCE: dict[Version, str] = {
    (2, 51): "volume-extended",
    (2, 76): "power-update",
    (2, 82): "accelerator-request-bound",
    (2, 93): "volume-reimaged",
}
# Without knowing of which volume or card, they mean nothing.
_NEED_A_TAG = frozenset(_SINCE.values())


@lru_cache(maxsize=8)
def schema(version: Version) -> NovaSchema:
    """
    POST /os-server-external-events.
    """
    names = [*_NAMES, *(name for since, name in _SINCE.items() if version >= since)]
    event = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": names},
            "server_uuid": p.UUID,
            "status": {"type": "string", "enum": ["failed", "completed", "in-progress"]},
            "tag": {"type": "string", "maxLength": 255},
        },
        "required": ["name", "server_uuid"],
        "additionalProperties": False,
    }
    return NovaSchema(
        {
            "type": "object",
            "properties": {"events": {"type": "array", "minItems": 1, "items": event}},
            "required": ["events"],
            "additionalProperties": False,
        }
    )


def judged(event: dict[str, Any], host: str | None, is_there: bool) -> dict[str, Any]:
    """
    The event with its fate: 404 without such a server, 400 without a tag that it needs, 422 for a
    server that is nowhere yet.
    """
    if not is_there:
        code = 404
    elif event["name"] in _NEED_A_TAG and "tag" not in event:
        code = 400
    else:
        code = 200 if host else 422
    return {**event, "status": "completed" if code == 200 else "failed", "code": code}

"""
Bodies of /servers/<id>/os-volume_attachments.  Pure.

Source: Nova's nova/api/openstack/compute/schemas/volumes.py, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.microversions import Version

Schema = dict[str, Any]
_UUID: Schema = {"type": "string", "format": "uuid"}
_DEVICE: Schema = {
    "type": ["string", "null"],
    "minLength": 0,
    "maxLength": 255,
    "pattern": "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$",
}
_TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}
_MOST = 1000  # of a page, Nova's max_limit
_BOOLEAN: Schema = {
    "type": ["boolean", "string"],
    "enum": [
        *(True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes"),
        *(False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no"),
    ],
}


@lru_cache(maxsize=8)
def create_schema(version: Version) -> NovaSchema:
    """
    POST.
    """
    properties = {"volumeId": _UUID, "device": _DEVICE}
    if version >= (2, 49):
        properties["tag"] = _TAG
    if version >= (2, 79):
        properties["delete_on_termination"] = _BOOLEAN
    return NovaSchema(p.envelope("volumeAttachment", properties, ("volumeId",)))


@lru_cache(maxsize=8)
def update_schema(version: Version) -> NovaSchema:
    """
    PUT .../<volume>.
    """
    properties: Schema = {"volumeId": _UUID}
    if version >= (2, 85):
        properties |= {
            "device": _DEVICE,
            "tag": _TAG,
            "delete_on_termination": _BOOLEAN,
            "serverId": _UUID,
            "id": _UUID,
        }
    return NovaSchema(p.envelope("volumeAttachment", properties, ("volumeId",)))


_NUMBERS: Schema = {
    "type": "array",
    "items": {"type": ["integer", "string"], "pattern": "^[0-9]{1,18}$"},
}
_PAGE = NovaSchema(
    {
        "type": "object",
        "properties": {"limit": _NUMBERS, "offset": _NUMBERS},
        "additionalProperties": True,
    }
)


def page_of(pairs: Sequence[tuple[str, str]]) -> slice:
    """
    Which of a server's volumes a query asks for.  Raises BadRequest.
    """
    query = _PAGE.check_query(pairs)
    first = min(int(query.get("offset", ["0"])[-1]), _MOST)
    return slice(first, first + min(int(query.get("limit", [str(_MOST)])[-1]), _MOST))


def truth(value: object) -> bool:
    """
    What a boolean of a body says.
    """
    return str(value).lower() in ("true", "1", "on", "yes")


# What Nova hands on to the block storage; that checks the values.
CREATE_VOLUME = NovaSchema(
    {
        "type": "object",
        "properties": {
            "volume": {
                "type": "object",
                "properties": {
                    "display_name": {"type": "string"},
                    "display_description": {"type": "string"},
                    "volume_type": {"type": "string"},
                    "metadata": {"type": "object"},
                    "snapshot_id": {"type": "string"},
                    "size": {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1},
                    "availability_zone": {"type": "string"},
                },
                "required": ["size"],
                "additionalProperties": False,
            }
        },
        "required": ["volume"],
        "additionalProperties": False,
    }
)
CREATE_SNAPSHOT = NovaSchema(
    {
        "type": "object",
        "properties": {
            "snapshot": {
                "type": "object",
                "properties": {
                    "volume_id": {"type": "string"},
                    "force": _BOOLEAN,
                    "display_name": {"type": "string"},
                    "display_description": {"type": "string"},
                },
                "required": ["volume_id"],
                "additionalProperties": False,
            }
        },
        "required": ["snapshot"],
        "additionalProperties": False,
    }
)

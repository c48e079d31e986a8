"""
Bodies of the volume API.  Pure.

Source: Cinder's cinder/api/schemas, release 2026.1.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.rules.validation import NovaSchema

Schema = dict[str, Any]
UUID: Schema = {"type": "string", "format": "uuid"}
UUID_OR_NULL: Schema = {"type": ["string", "null"], "oneOf": [UUID, {"type": "null"}]}
TEXT: Schema = {
    "type": ["string", "null"],
    "minLength": 0,
    "maxLength": 255,
    "pattern": "^[^\0]*$",  # columns take no such character
}
BOOLEAN: Schema = {
    "type": ["boolean", "string"],
    "enum": [
        *(True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t"),
        *(False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f"),
    ],
}
METADATA: Schema = {
    "type": ["object", "null"],
    "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
SIZE: Schema = {
    "type": ["integer", "string"],
    "pattern": "^[0-9]+$",
    "minimum": 1,
    "maximum": 2147483647,
    "minLength": 1,
}


def envelope(
    name: str, properties: Schema, required: tuple[str, ...] = (), *, open_: bool = False
) -> NovaSchema:
    """
    {name: {properties}}.  open_: further ones are passed over.
    """
    inner: Schema = {"type": "object", "properties": properties, "additionalProperties": open_}
    if required:
        inner["required"] = list(required)
    return NovaSchema(
        {
            "type": "object",
            "properties": {name: inner},
            "required": [name],
            "additionalProperties": open_,
        }
    )


def truth(value: object) -> bool:
    """
    What one of BOOLEAN says.
    """
    return str(value).strip().lower() in ("1", "t", "true", "on", "y", "yes")


NAMED = {"name": TEXT, "description": TEXT}
DISPLAYED = {"display_name": TEXT, "display_description": TEXT}
METADATA_BODY = NovaSchema(
    {
        "type": "object",
        "properties": {"metadata": {**METADATA, "type": "object"}},
        "required": ["metadata"],
        "additionalProperties": True,
    }
)
META_BODY = NovaSchema(
    {
        "type": "object",
        "properties": {"meta": {**METADATA, "type": "object", "maxProperties": 1}},
        "required": ["meta"],
        "additionalProperties": True,
    }
)
CREATE_VOLUME = NovaSchema(
    {
        "type": "object",
        "properties": {
            "volume": {
                "type": "object",
                "properties": {
                    **NAMED,
                    **DISPLAYED,
                    "size": {**SIZE, "type": ["integer", "string", "null"]},
                    "snapshot_id": UUID_OR_NULL,
                    "source_volid": UUID_OR_NULL,
                    "imageRef": {"type": ["string", "null"], "maxLength": 255},
                    "image_id": {"type": ["string", "null"], "maxLength": 255},
                    "volume_type": TEXT,
                    "availability_zone": TEXT,
                    "metadata": METADATA,
                    "consistencygroup_id": UUID_OR_NULL,
                    "group_id": UUID_OR_NULL,
                    "multiattach": BOOLEAN,
                    "backup_id": UUID_OR_NULL,
                },
                "additionalProperties": True,
            }
        },
        "required": ["volume"],
        "additionalProperties": True,
    }
)
UPDATE_VOLUME = envelope("volume", {**NAMED, **DISPLAYED, "metadata": METADATA})
CREATE_SNAPSHOT = envelope(
    "snapshot",
    {
        **NAMED,
        **DISPLAYED,
        "volume_id": UUID_OR_NULL,
        "force": {"type": ["boolean", "string", "null"]},
        "metadata": METADATA,
    },
    ("volume_id",),
    open_=True,
)
UPDATE_SNAPSHOT = envelope("snapshot", {**NAMED, **DISPLAYED})

"""
Bodies of what is asked of a volume.  Pure.

Source: Cinder's cinder/api/schemas/volume_actions.py and admin_actions.py, release 2026.1.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.volume.rules.schemas import BOOLEAN, METADATA, SIZE, TEXT, UUID, UUID_OR_NULL

Schema = dict[str, Any]
STATES = (
    *("creating", "available", "deleting", "error", "error_deleting", "attaching", "detaching"),
    *("in-use", "maintenance", "reserved", "awaiting-transfer", "extending", "uploading"),
    *("retyping", "backing-up", "restoring-backup", "error_restoring", "error_extending"),
    "downloading",
)


def bare(name: str) -> NovaSchema:
    """
    An action whose value nobody reads.
    """
    return _of(name, {"type": ["object", "null", "string", "boolean"]})


def connector(name: str) -> NovaSchema:
    """
    An action for a host that says what it is.
    """
    inner = {"connector": {"type": ["object", "string"], "minProperties": 1}}
    return _with(name, inner, ("connector",), open_=True)


def _of(name: str, inner: Schema) -> NovaSchema:
    return NovaSchema({"type": "object", "properties": {name: inner}, "required": [name]})


def _with(
    name: str, properties: Schema, required: tuple[str, ...], *, open_: bool = False
) -> NovaSchema:
    inner: Schema = {"type": "object", "properties": properties, "additionalProperties": open_}
    if required:
        inner["required"] = list(required)
    return _of(name, inner)


_DETACH = {"attachment_id": UUID_OR_NULL}
EXTEND = _with("os-extend", {"new_size": SIZE}, ("new_size",))
RESET_STATUS = NovaSchema(
    {
        "type": "object",
        "properties": {
            "os-reset_status": {
                "type": "object",
                "properties": {
                    "status": {"type": ["string", "null"], "enum": [*STATES, None]},
                    "attach_status": {
                        "type": ["string", "null"],
                        "enum": ["attached", "detached", "attaching", "detaching", "reserved",
                                 "error_attaching", "error_detaching", "deleted", None],
                    },
                    "migration_status": TEXT,
                },
                "anyOf": [
                    {"required": ["status"]},
                    {"required": ["attach_status"]},
                    {"required": ["migration_status"]},
                ],
                "additionalProperties": False,
            }
        },
        "required": ["os-reset_status"],
    }
)  # fmt: skip
BOOTABLE = _with("os-set_bootable", {"bootable": BOOLEAN}, ("bootable",))
READ_ONLY = _with("os-update_readonly_flag", {"readonly": BOOLEAN}, ("readonly",))
REVERT = _with("revert", {"snapshot_id": UUID}, ("snapshot_id",))
ATTACH = _with(
    "os-attach",
    {
        "instance_uuid": UUID_OR_NULL,
        "host_name": TEXT,
        "mountpoint": {**TEXT, "type": "string", "minLength": 1},
        "mode": {"type": "string", "enum": ["rw", "ro"]},
    },
    ("mountpoint",),
)
DETACH = _with("os-detach", _DETACH, ())
FORCE_DETACH = _with("os-force_detach", {**_DETACH, "connector": {"type": ["object", "null"]}}, ())
SET_IMAGE_METADATA = _with(
    "os-set_image_metadata", {"metadata": {**METADATA, "type": "object"}}, ("metadata",)
)
UNSET_IMAGE_METADATA = _with(
    "os-unset_image_metadata", {"key": {"type": "string", "minLength": 1, "maxLength": 255}},
    ("key",),
)  # fmt: skip

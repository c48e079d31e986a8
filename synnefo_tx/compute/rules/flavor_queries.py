"""
Bodies and queries of flavors.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.flavor_bodies import DESCRIPTION
from synnefo_tx.compute.rules.paging import limit_and_marker
from synnefo_tx.compute.rules.validation import NovaSchema, Schema
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.microversions import Version

MAX_INTEGER = 0x7FFFFFFF
_SIZE: Schema = {
    "type": ["integer", "string"],
    "pattern": "^[0-9]*$",
    "minimum": 0,
    "minLength": 1,
    "maximum": MAX_INTEGER,
}
_CREATE: dict[str, Schema] = {
    "name": p.NAME,
    "id": {"type": ["string", "number", "null"], "minLength": 0, "maxLength": 255},
    "ram": {**_SIZE, "minimum": 1},
    "vcpus": {**_SIZE, "minimum": 1},
    "disk": _SIZE,
    "OS-FLV-EXT-DATA:ephemeral": _SIZE,
    "swap": _SIZE,
    "rxtx_factor": {
        "type": ["number", "string"],
        "pattern": r"^[0-9]+(\.[0-9]+)?$",
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 3.40282e38,
    },
    "os-flavor-access:is_public": p.BOOLEAN,
}
_REQUIRED = ("name", "ram", "vcpus", "disk")
CREATE = NovaSchema(p.envelope("flavor", _CREATE, _REQUIRED))
CREATE_255 = NovaSchema(
    p.envelope(
        "flavor",
        {**_CREATE, "description": DESCRIPTION},
        _REQUIRED,
    )
)
SORT_KEYS = (
    "flavorid",
    "id",
    "name",
    "memory_mb",
    "root_gb",
    "vcpus",
    "is_public",
    "description",
    "swap",
    "ephemeral_gb",
    "rxtx_factor",
)
# Nova's keys for which flavors here are all alike.
_ALIKE = (
    "created_at",
    "disabled",
    "updated_at",
    "vcpu_weight",
)
_LIST: Schema = {
    "type": "object",
    "properties": {
        **p.PAGING,
        "is_public": p.many({"type": "string"}),
        "minRam": p.many({"type": "string"}),
        "minDisk": p.many({"type": "string"}),
        "sort_key": p.many({"type": "string", "enum": sorted({*SORT_KEYS, *_ALIKE})}),
        "sort_dir": p.many({"type": "string", "enum": ["asc", "desc"]}),
    },
    "additionalProperties": True,
}
_LOOSE, _STRICT = NovaSchema(_LIST), NovaSchema({**_LIST, "additionalProperties": False})
_TRUE = ("1", "t", "true", "on", "y", "yes")
_FALSE = ("0", "f", "false", "off", "n", "no")


@frozen(kw_only=True)
class FlavorQuery:
    """
    is_public: None for both kinds.  limit 0 gives nothing.
    """

    is_public: bool | None = True
    min_ram_mib: int = 0
    min_disk_gib: int = 0
    order: tuple[tuple[str, bool], ...] = (("flavorid", False),)
    limit: int = 1000
    marker: str | None = None


def flavor_query(pairs: Sequence[tuple[str, str]], version: Version, is_admin: bool) -> FlavorQuery:
    """
    Raises BadRequest.
    """
    query = (_STRICT if version >= (2, 75) else _LOOSE).check_query(pairs)
    limit, marker = limit_and_marker(query)
    last = {name: values[-1] for name, values in query.items()}
    key = last.get("sort_key", "flavorid")
    order = ((key, last.get("sort_dir", "asc") == "desc"),) if key in SORT_KEYS else ()
    return FlavorQuery(
        is_public=_is_public(last.get("is_public"), is_admin),
        min_ram_mib=_least("minRam", last.get("minRam")),
        min_disk_gib=_least("minDisk", last.get("minDisk")),
        order=order,
        limit=limit,
        marker=marker,
    )


def _is_public(asked: str | None, is_admin: bool) -> bool | None:
    if not is_admin or asked is None:
        return True
    word = asked.lower()
    if word == "none":
        return None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadRequest(f"Invalid is_public filter [{asked}]")


def _least(name: str, asked: str | None) -> int:
    if asked is None:
        return 0
    digits = asked.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise BadRequest(f"Invalid {name} filter [{asked}]")
    return int(asked)

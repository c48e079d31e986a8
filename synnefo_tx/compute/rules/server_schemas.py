"""
Bodies and queries of servers, per microversion.
"""

from __future__ import annotations

from functools import lru_cache

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema, Schema
from synnefo_tx.http.microversions import Version

MAX_USER_DATA = 65535  # characters of base64, as Nova's column
MAX_TAGS = 50

_BDM_V2: dict[str, Schema] = {
    "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
    "uuid": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$"},
    "image_id": p.UUID,
    "volume_id": p.UUID,
    "snapshot_id": p.UUID,
    "destination_type": {"type": "string", "enum": ["local", "volume"]},
    "guest_format": {"type": "string", "maxLength": 255},
    "device_type": {"type": "string", "maxLength": 255},
    "disk_bus": {"type": "string", "maxLength": 255},
    "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]{1,9}$"},
    "volume_size": p.POSITIVE,
    "device_name": {"type": "string", "minLength": 1, "maxLength": 255},
    "delete_on_termination": p.BOOLEAN,
    "no_device": {},
    "virtual_name": {"type": "string", "maxLength": 255},
    "connection_info": {"type": "string"},
}
USER_DATA: Schema = {"type": "string", "format": "base64", "maxLength": MAX_USER_DATA}
PERSONALITY: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "contents": {"type": "string", "format": "base64"},
        },
        "additionalProperties": False,
    },
}


@lru_cache(maxsize=64)
def create_schema(version: Version) -> NovaSchema:
    """
    POST /servers.
    """
    bdm = dict(_BDM_V2)
    if version >= (2, 42) or version == (2, 32):
        bdm["tag"] = p.TAG
    if version >= (2, 67):
        bdm["volume_type"] = {"type": ["string", "null"], "maxLength": 255}
    properties: dict[str, Schema] = {
        "name": p.NAME,
        "imageRef": p.UUID_OR_EMPTY,
        "flavorRef": p.FLAVOR,
        "adminPass": {"type": "string"},
        "metadata": p.METADATA,
        "networks": _networks(version),
        "OS-DCF:diskConfig": p.DISK_CONFIG,
        "accessIPv4": p.ACCESS_IPV4,
        "accessIPv6": p.ACCESS_IPV6,
        "availability_zone": p.NAME,
        "block_device_mapping": {"type": "array", "items": {"type": "object"}},
        "block_device_mapping_v2": {
            "type": "array",
            "items": {"type": "object", "properties": bdm, "additionalProperties": False},
        },
        "config_drive": p.BOOLEAN,
        "key_name": p.NAME,
        "min_count": p.POSITIVE,
        "max_count": p.POSITIVE,
        "return_reservation_id": p.BOOLEAN,
        "security_groups": p.many(
            {"type": "object", "properties": {"name": p.NAME}, "additionalProperties": False}
        ),
        "user_data": USER_DATA,
    }
    properties.update(_later(version))
    if version < (2, 57):
        properties["personality"] = PERSONALITY
    required = ("name", "flavorRef", *(("networks",) if version >= (2, 37) else ()))
    schema = p.envelope("server", properties, required)
    hints: Schema = {"type": "object"}
    schema["properties"] |= {"os:scheduler_hints": hints, "OS-SCH-HNT:scheduler_hints": hints}
    return NovaSchema(schema)


def _later(version: Version) -> dict[str, Schema]:
    added: dict[str, Schema] = {}
    if version >= (2, 19):
        added["description"] = p.DESCRIPTION
    if version >= (2, 52):
        added["tags"] = {"type": "array", "items": p.TAG, "maxItems": MAX_TAGS}
    if version >= (2, 63):
        added["trusted_image_certificates"] = p.TRUSTED_CERTIFICATES
    if version >= (2, 74):
        added |= {"host": p.FQDN, "hypervisor_hostname": p.FQDN}
    if version >= (2, 90):
        added["hostname"] = p.FQDN if version >= (2, 94) else p.HOSTNAME
    return added


def _networks(version: Version) -> Schema:
    item: dict[str, Schema] = {
        "fixed_ip": p.IP_ADDRESS,
        "port": {"oneOf": [p.UUID, {"type": "null"}]},
        "uuid": p.UUID if version >= (2, 37) else {"type": "string"},
    }
    if (2, 32) <= version < (2, 37) or version >= (2, 42):
        item["tag"] = p.TAG
    listed = p.many({"type": "object", "properties": item, "additionalProperties": False})
    if version < (2, 37):
        return listed
    return {"oneOf": [listed, {"type": "string", "enum": ["none", "auto"]}]}


@lru_cache(maxsize=8)
def update_schema(version: Version) -> NovaSchema:
    """
    PUT /servers/<id>.
    """
    properties: dict[str, Schema] = {
        "name": p.NAME,
        "OS-DCF:diskConfig": p.DISK_CONFIG,
        "accessIPv4": p.ACCESS_IPV4,
        "accessIPv6": p.ACCESS_IPV6,
    }
    if version >= (2, 19):
        properties["description"] = p.DESCRIPTION
    if version >= (2, 90):
        properties["hostname"] = p.FQDN if version >= (2, 94) else p.HOSTNAME
    return NovaSchema(p.envelope("server", properties))


METADATA = NovaSchema(
    {
        "type": "object",
        "properties": {"metadata": p.METADATA},
        "required": ["metadata"],
        "additionalProperties": False,
    }
)
METADATA_ITEM = NovaSchema(
    {
        "type": "object",
        "properties": {"meta": {**p.METADATA, "minProperties": 1, "maxProperties": 1}},
        "required": ["meta"],
        "additionalProperties": False,
    }
)
TAGS = NovaSchema(
    {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": p.TAG, "maxItems": MAX_TAGS}},
        "required": ["tags"],
        "additionalProperties": False,
    }
)
ONE_TAG = NovaSchema({"type": "null"})

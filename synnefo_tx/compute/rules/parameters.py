"""
Kinds of parameter that several of Nova's schemas share.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from synnefo_tx.compute.rules.validation import Schema
from synnefo_tx.errors import BadRequest

NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"}
UUID: Schema = {"type": "string", "format": "uuid"}
UUID_OR_EMPTY: Schema = {"oneOf": [UUID, {"type": "string", "maxLength": 0}]}
TRUE_WORDS = ("True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
FALSE_WORDS = ("False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")
BOOLEAN: Schema = {
    "type": ["boolean", "string"],
    "enum": [True, *TRUE_WORDS, False, *FALSE_WORDS],
}
POSITIVE: Schema = {
    "type": ["integer", "string"],
    "pattern": "^[0-9]*$",
    "minimum": 1,
    "minLength": 1,
}
NON_NEGATIVE: Schema = {**POSITIVE, "minimum": 0}
DESCRIPTION: Schema = {
    "type": ["string", "null"],
    "minLength": 0,
    "maxLength": 255,
    "format": "printable",
}
METADATA: Schema = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}
HOSTNAME: Schema = {
    "type": "string",
    "minLength": 2,
    "maxLength": 63,
    "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
}
FQDN: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^[a-zA-Z0-9-._]*$",
}
FLAVOR: Schema = {"type": ["string", "integer"], "minLength": 1}
DISK_CONFIG: Schema = {"type": "string", "enum": ["AUTO", "MANUAL"]}
ACCESS_IPV4: Schema = {
    "type": "string",
    "oneOf": [{"format": "ipv4"}, {"enum": [""]}],
}
ACCESS_IPV6: Schema = {
    "type": "string",
    "oneOf": [{"format": "ipv6"}, {"enum": [""]}],
}
TRUSTED_CERTIFICATES: Schema = {"type": ["array", "null"], "maxItems": 50}
IP_ADDRESS: Schema = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}


def many(item: Schema) -> Schema:
    """
    A query parameter that may be repeated.
    """
    return {"type": "array", "items": item}


PAGING: dict[str, Schema] = {"limit": many(NON_NEGATIVE), "marker": many({"type": "string"})}


def is_true(value: object) -> bool:
    """
    A BOOLEAN as Python's.
    """
    return value is True or value in TRUE_WORDS


def address_or_none(text: str | None) -> str | None:
    """
    An address in its shortest form; None for none.
    """
    return str(ipaddress.ip_address(text)) if text else None


def refuse_certificates(body: Mapping[str, Any]) -> None:
    """
    Raises BadRequest for an image whose signature shall be checked.
    """
    if body.get("trusted_image_certificates"):
        raise BadRequest("Signatures of images are not checked here.")


def envelope(
    name: str,
    properties: dict[str, Schema],
    required: tuple[str, ...] = (),
    or_null: bool = False,
) -> Schema:
    """
    {"<name>": {...}} and nothing else.  or_null: {"<name>": null} will do, too.
    """
    inner: Schema = {
        "type": ["object", "null"] if or_null else "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        inner["required"] = list(required)
    return {
        "type": "object",
        "properties": {name: inner},
        "required": [name],
        "additionalProperties": False,
    }

"""
Bodies and queries of key pairs, per microversion.
"""

from __future__ import annotations

from functools import lru_cache

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema, Schema
from synnefo_tx.http.microversions import Version


@lru_cache(maxsize=8)
def create_schema(version: Version) -> NovaSchema:
    """
    POST /os-keypairs.  Certificates (x509) are for Windows guests, which we can't log in to.
    """
    special = "keypair_name_292" if version >= (2, 92) else "keypair_name"
    name: Schema = {
        "allOf": [p.NAME, {"type": "string", "minLength": 1, "maxLength": 255, "format": special}]
    }
    properties: dict[str, Schema] = {"name": name, "public_key": {"type": "string"}}
    if version >= (2, 2):
        properties["type"] = {"type": "string", "enum": ["ssh"]}
    if version >= (2, 10):
        properties["user_id"] = {"type": "string"}
    required = ("name", "public_key") if version >= (2, 92) else ("name",)
    return NovaSchema(p.envelope("keypair", properties, required))


@lru_cache(maxsize=8)
def list_schema(version: Version) -> NovaSchema:
    """
    GET /os-keypairs.
    """
    properties: dict[str, Schema] = {}
    if version >= (2, 10):
        properties["user_id"] = p.many({"type": "string"})
    if version >= (2, 35):
        properties |= p.PAGING
    return NovaSchema(
        {
            "type": "object",
            "properties": properties,
            "additionalProperties": version < (2, 75),
        }
    )

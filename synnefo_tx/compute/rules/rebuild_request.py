"""
A body of the action rebuild, checked and read.  Pure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.create_request import files_of, random_password, user_data_of
from synnefo_tx.compute.rules.server_schemas import PERSONALITY, USER_DATA
from synnefo_tx.compute.rules.validation import NovaSchema, Schema
from synnefo_tx.http.microversions import Version

_COLUMNS = {  # field of the body -> column of the server
    "description": "description",
    "metadata": "metadata",
    "key_name": "key_name",
    "hostname": "hostname",
    "accessIPv4": "access_ipv4",
    "accessIPv6": "access_ipv6",
    "OS-DCF:diskConfig": "disk_config",
}


@frozen(kw_only=True)
class RebuildRequest:
    """
    values: column of the server -> its new value.
    """

    image_id: str
    admin_password: str
    files: tuple[tuple[str, bytes], ...]
    values: dict[str, Any]


@lru_cache(maxsize=16)
def rebuild_schema(version: Version) -> NovaSchema:
    """
    What the microversion takes.
    """
    properties: dict[str, Schema] = {
        "name": p.NAME,
        "imageRef": p.UUID,
        "adminPass": {"type": "string"},
        "metadata": p.METADATA,
        "preserve_ephemeral": p.BOOLEAN,
        "OS-DCF:diskConfig": p.DISK_CONFIG,
        "accessIPv4": p.ACCESS_IPV4,
        "accessIPv6": p.ACCESS_IPV6,
    }
    if version >= (2, 19):
        properties["description"] = p.DESCRIPTION
    if version >= (2, 54):
        properties["key_name"] = {"oneOf": [p.NAME, {"type": "null"}]}
    if version < (2, 57):
        properties["personality"] = PERSONALITY
    else:
        properties["user_data"] = {**USER_DATA, "type": ["string", "null"]}
    if version >= (2, 63):
        properties["trusted_image_certificates"] = p.TRUSTED_CERTIFICATES
    if version >= (2, 90):
        properties["hostname"] = p.FQDN if version >= (2, 94) else p.HOSTNAME
    return NovaSchema(p.envelope("rebuild", properties, ("imageRef",)))


def read_rebuild(wanted: dict[str, Any]) -> RebuildRequest:
    """
    Raises BadRequest, or OverQuota for too many files.
    """
    p.refuse_certificates(wanted)
    values = {column: wanted[name] for name, column in _COLUMNS.items() if name in wanted}
    for column in ("access_ipv4", "access_ipv6"):
        if column in values:
            values[column] = p.address_or_none(values[column])
    if "name" in wanted:
        values["name"] = wanted["name"].strip()
    if "user_data" in wanted:
        values["user_data"] = user_data_of(wanted)
    return RebuildRequest(
        image_id=wanted["imageRef"],
        admin_password=wanted.get("adminPass") or random_password(),
        files=files_of(wanted),
        values=values,
    )

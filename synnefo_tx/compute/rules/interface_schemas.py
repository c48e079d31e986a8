"""
Bodies of /servers/<id>/os-interface.  Pure.

Source: Nova's nova/api/openstack/compute/schemas/attach_interfaces.py, release 2026.1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules import parameters as p
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.microversions import Version

Schema = dict[str, Any]
_UUID: Schema = {"type": "string", "format": "uuid"}
_ADDRESS: Schema = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
_FIXED_IP: Schema = {
    "type": "object",
    "properties": {"ip_address": _ADDRESS},
    "required": ["ip_address"],
    "additionalProperties": False,
}
_TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}


@frozen
class Interface:
    """
    What a server shall be attached to; of a network when no port is named, of the only one when
    none is.
    """

    port_id: str | None
    network_id: str | None
    ip_address: str | None
    tag: str | None


@lru_cache(maxsize=8)
def create_schema(version: Version) -> NovaSchema:
    """
    POST.
    """
    properties: Schema = {
        "net_id": _UUID,
        "port_id": _UUID,
        "fixed_ips": {"type": "array", "minItems": 1, "maxItems": 1, "items": _FIXED_IP},
    }
    if version >= (2, 49):
        properties["tag"] = _TAG
    return NovaSchema(p.envelope("interfaceAttachment", properties, ()))


def read(version: Version, body: object) -> Interface:
    """
    Raises BadRequest.
    """
    given = create_schema(version).check(body)["interfaceAttachment"]
    network_id, port_id = given.get("net_id"), given.get("port_id")
    if network_id and port_id:
        raise BadRequest("Must not input both network_id and port_id")
    if "fixed_ips" in given and not network_id:
        raise BadRequest("Must input network_id when request IP address")
    fixed = given.get("fixed_ips", [{}])[0].get("ip_address")
    return Interface(port_id, network_id, fixed, given.get("tag"))

"""
/types and /os-availability-zone: there is one of each; and /extensions.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.rules.create_request import ZONE
from synnefo_tx.volume.rules.types import DEFAULT, VolumeType, type_of_id
from synnefo_tx.volume.views.extensions import all_extensions

POLICY = "volume_extension:type_get"


def add_routes(service: Service) -> None:
    """
    Serve the default type, and the zone.
    """

    @service.route("GET", "/types", f"{POLICY}_all")
    async def index(_: Call) -> Reply:
        return json_reply({"volume_types": [_shown(DEFAULT)]})

    @service.route("GET", "/types/default", POLICY)
    async def default(_: Call) -> Reply:
        return json_reply({"volume_type": _shown(DEFAULT)})

    @service.route("GET", "/types/<type_id>", POLICY)
    async def show(_: Call, type_id: str) -> Reply:
        return json_reply({"volume_type": _shown(type_of_id(type_id))})

    @service.route("GET", "/extensions", "volume:extensions")
    async def extensions(_: Call) -> Reply:
        return json_reply({"extensions": all_extensions()})

    @service.route("GET", "/os-availability-zone", "volume:availability_zone_list")
    async def zones(_: Call) -> Reply:
        zone = {"zoneName": ZONE, "zoneState": {"available": True}}
        return json_reply({"availabilityZoneInfo": [zone]})


def _shown(one: VolumeType) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "is_public": True,
        "os-volume-type-access:is_public": True,
        "qos_specs_id": None,
        "extra_specs": {},
    }

"""
The version documents, /extensions and /os-availability-zone.
"""

from __future__ import annotations

from synnefo_tx.compute.api.service import MAXIMUM, MINIMUM
from synnefo_tx.compute.rows.placing import takes_servers
from synnefo_tx.compute.rules.placement import ZONE
from synnefo_tx.compute.views import discovery as views
from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service


def add_routes(service: Service) -> None:
    """
    Serve what the API says of itself.
    """
    router = service.router

    @router.route("GET", "/", None)
    async def versions(call: Call) -> Reply:
        call.extra_headers.clear()  # the list of versions is of none of them
        return json_reply({"versions": [views.version(call.base, MINIMUM, MAXIMUM)]})

    @router.route("GET", "/v2.1/", None)
    async def version(call: Call) -> Reply:
        return json_reply(views.version_alone(call.base, MINIMUM, MAXIMUM))

    @service.route("GET", "/extensions", "extensions")
    async def extensions(_: Call) -> Reply:
        return json_reply({"extensions": [views.extension(name) for name in views.EXTENSIONS]})

    @service.route("GET", "/extensions/<alias>", "extensions")
    async def extension(_: Call, alias: str) -> Reply:
        if alias not in views.EXTENSIONS:
            raise NotFound("The resource could not be found.")
        return json_reply({"extension": views.extension(alias)})

    @service.route("GET", "/os-availability-zone", "os-availability-zone:list")
    async def zones(_: Call) -> Reply:
        available = await service.database.read(takes_servers)
        zone = {"zoneName": ZONE, "zoneState": {"available": available}, "hosts": None}
        return json_reply({"availabilityZoneInfo": [zone]})

    @service.route("GET", "/os-availability-zone/detail", "os-availability-zone:detail")
    async def zones_with_hosts(_: Call) -> Reply:
        available = await service.database.read(takes_servers)
        zone = {"zoneName": ZONE, "zoneState": {"available": available}, "hosts": {}}
        return json_reply({"availabilityZoneInfo": [zone]})

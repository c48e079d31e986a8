"""
What the API says of itself: versions, resources, extensions and availability zones.
"""

from __future__ import annotations

from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.network.errors import ExtensionNotFound
from synnefo_tx.network.permissions import PREFIX
from synnefo_tx.network.views import discovery as views
from synnefo_tx.network.views.extensions import EXTENSIONS


def add_routes(service: Service) -> None:
    """
    Serve the documents.
    """

    @service.router.route("GET", "/", None)
    async def versions(call: Call) -> Reply:
        return json_reply(views.versions(call.base))

    @service.router.route("GET", "/v2.0/", f"{PREFIX}discover")
    async def resources(call: Call) -> Reply:
        if not call.path.endswith("/"):  # Neutron has this list with the slash only
            raise NotFound("The resource could not be found.")
        return json_reply(views.resources(call.base))

    @service.route("GET", "/extensions", "get_extension")
    async def extensions(_: Call) -> Reply:
        return json_reply({"extensions": list(EXTENSIONS.values())})

    @service.route("GET", "/extensions/<alias>", "get_extension")
    async def extension(_: Call, alias: str) -> Reply:
        if alias not in EXTENSIONS:
            raise ExtensionNotFound(alias)
        return json_reply({"extension": EXTENSIONS[alias]})

    @service.route("GET", "/availability_zones", "get_availability_zone")
    async def zones(_: Call) -> Reply:
        return json_reply({"availability_zones": views.zones()})

    @service.route("GET", "/agents", "get_agent")
    async def agents(_: Call) -> Reply:
        return json_reply({"agents": []})  # nodes have none beside the cluster's own daemons

    @service.route("GET", "/service-providers", "get_service_provider")
    async def providers(_: Call) -> Reply:
        return json_reply({"service_providers": views.PROVIDERS})

"""
The network API: Neutron v2.0, the reading side, and quotas.
"""

from __future__ import annotations

from collections.abc import Callable

from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.dialects import NEUTRON
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Authenticate, Router
from synnefo_tx.network.api import quotas
from synnefo_tx.network.api.resources import RESOURCES, add_routes
from synnefo_tx.network.errors import ExtensionNotFound
from synnefo_tx.network.permissions import permitted
from synnefo_tx.network.views import discovery
from synnefo_tx.store.database import Database


def network_router(
    database: Database,
    authenticate: Authenticate,
    clock: Callable[[], float],
    public_url: str | None = None,
) -> Router:
    """
    The router to mount at /network.
    """
    router = Router(
        prefix="network",
        dialect=NEUTRON,
        authenticate=authenticate,
        permitted=permitted,
        public_url=public_url,
    )
    _discovery(router)
    for resource in RESOURCES:
        add_routes(router, database, resource)
    quotas.add_routes(router, database, clock)
    return router


def _discovery(router: Router) -> None:
    async def versions(call: Call) -> Reply:
        return json_reply(discovery.versions(call.base))

    async def resources(call: Call) -> Reply:
        if not call.path.endswith("/"):  # Neutron has this list with the slash only
            raise NotFound("The resource could not be found.")
        return json_reply(discovery.resources(call.base))

    async def extensions(_: Call) -> Reply:
        return json_reply({"extensions": discovery.EXTENSIONS})

    async def extension(_: Call, alias: str) -> Reply:
        for known in discovery.EXTENSIONS:
            if known["alias"] == alias.removesuffix(".json"):
                return json_reply({"extension": known})
        raise ExtensionNotFound(alias)

    async def zones(_: Call) -> Reply:
        return json_reply({"availability_zones": []})

    router.route("GET", "/", None)(versions)
    router.route("GET", "/v2.0/", "network:discover")(resources)
    for suffix in ("", ".json"):
        router.route("GET", f"/v2.0/extensions{suffix}", "network:get_extension")(extensions)
        zone_list = f"/v2.0/availability_zones{suffix}"
        router.route("GET", zone_list, "network:get_availability_zone")(zones)
    router.route("GET", "/v2.0/extensions/<alias>", "network:get_extension")(extension)

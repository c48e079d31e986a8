"""
/v3/regions, /v3/services and /v3/endpoints, read only: they follow from what runs here.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, root, v3
from synnefo_tx.identity.api.listing import collection
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.views.catalog import endpoint_view, region_view, service_view


def add_routes(router: Router, context: Context) -> None:
    _add_regions(router, context)
    _add_services(router, context)
    _add_endpoints(router, context)


def _add_regions(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/regions", "identity:list_regions")
    async def regions(call: Call) -> Reply:
        found = [] if call.query("parent_region_id") else [context.catalog.region]
        return collection(call, "regions", [region_view(one, v3(call)) for one in found], False)

    @router.route("GET", "/v3/regions/<region_id>", "identity:get_region")
    async def region(call: Call, region_id: str) -> Reply:
        if region_id != context.catalog.region:
            raise AccountNotFound("region", region_id)
        return json_reply({"region": region_view(region_id, v3(call))})


def _add_services(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/services", "identity:list_services")
    async def services(call: Call) -> Reply:
        found = [
            one
            for one in context.catalog.services
            if call.query("type", one.type) == one.type and call.query("name", one.name) == one.name
        ]
        return collection(call, "services", [service_view(one, v3(call)) for one in found], False)

    @router.route("GET", "/v3/services/<service_id>", "identity:get_service")
    async def service(call: Call, service_id: str) -> Reply:
        for one in context.catalog.services:
            if one.id == service_id:
                return json_reply({"service": service_view(one, v3(call))})
        raise AccountNotFound("service", service_id)


def _add_endpoints(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/endpoints", "identity:list_endpoints")
    async def endpoints(call: Call) -> Reply:
        found = [
            one
            for one in context.catalog.endpoints(root(call))
            if call.query("interface", one.interface) == one.interface
            and call.query("service_id", one.service.id) == one.service.id
            and call.query("region_id", one.region) == one.region
        ]
        return collection(call, "endpoints", [endpoint_view(one, v3(call)) for one in found], False)

    @router.route("GET", "/v3/endpoints/<endpoint_id>", "identity:get_endpoint")
    async def endpoint(call: Call, endpoint_id: str) -> Reply:
        for one in context.catalog.endpoints(root(call)):
            if one.id == endpoint_id:
                return json_reply({"endpoint": endpoint_view(one, v3(call))})
        raise AccountNotFound("endpoint", endpoint_id)

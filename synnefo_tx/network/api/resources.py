"""
Networks, subnets and ports: lists and single ones, and the refusal of changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.network.api.service import read_body
from synnefo_tx.network.errors import PolicyNotAuthorized
from synnefo_tx.network.rows import lists
from synnefo_tx.network.rows.networks import subnets_of
from synnefo_tx.network.rules.attributes import check_body
from synnefo_tx.network.rules.queries import Query, links, parse
from synnefo_tx.network.views import resources as views

Json = dict[str, Any]
SeeRows = Callable[[Connection, Sequence[Any]], list[Json]]


@frozen(eq=False)
class Resource:
    """
    What the API calls it (one, many), where it is found and how it looks.
    """

    member: str
    collection: str
    kind: lists.Kind
    see: SeeRows


def _see_networks(connection: Connection, rows: Sequence[Any]) -> list[Json]:
    subnets: dict[str, list[str]] = {}
    for subnet in subnets_of(connection, [row.id for row in rows]):
        subnets.setdefault(subnet.network_id, []).append(subnet.id)
    return [views.network(row, subnets.get(row.id, ())) for row in rows]


RESOURCES = (
    Resource("network", "networks", lists.NETWORKS, _see_networks),
    Resource(
        "subnet", "subnets", lists.SUBNETS, lambda _, rows: [views.subnet(row) for row in rows]
    ),
    Resource("port", "ports", lists.PORTS, lambda _, rows: [views.port(row) for row in rows]),
)


def list_views(
    connection: Connection, resource: Resource, query: Query, project_id: str, everyone: bool
) -> list[Json]:
    """
    One page, as shown.
    """
    rows = lists.list_rows(connection, resource.kind, query, project_id, everyone)
    return resource.see(connection, rows)


def show_view(
    connection: Connection, resource: Resource, resource_id: str, project_id: str, everyone: bool
) -> Json:
    """
    One, as shown.  Raises the kind's error.
    """
    row = lists.find(connection, resource.kind, resource_id, project_id, everyone)
    return resource.see(connection, [row])[0]


def add_routes(service: Service) -> None:
    """
    Serve every resource.
    """
    for resource in RESOURCES:
        _serve(service, resource)


def _serve(service: Service, resource: Resource) -> None:
    base, database = f"/{resource.collection}", service.database
    permission = f"get_{resource.member}"
    sortable = set(resource.kind.columns)

    async def index(call: Call) -> Reply:
        pairs = call.queries()
        query = parse(pairs, sortable)
        token = call.token
        found = await database.read(list_views, resource, query, token.project_id, token.is_admin)
        body: Json = {resource.collection: [views.only(view, query.fields) for view in found]}
        here = call.base + call.path.partition(f"/{service.router.prefix}")[2]
        linked = links(here, pairs, [view["id"] for view in found], query)
        if linked:
            body[f"{resource.collection}_links"] = linked
        return json_reply(body)

    async def show(call: Call, resource_id: str) -> Reply:
        token = call.token
        fields = [value for name, value in call.queries() if name == "fields"]
        found = await database.read(
            show_view, resource, resource_id, token.project_id, token.is_admin
        )
        return json_reply({resource.member: views.only(found, fields)})

    async def create(call: Call) -> Reply:
        check_body(read_body(call), resource.member)
        raise PolicyNotAuthorized(f"create_{resource.member}")

    async def update(call: Call, resource_id: str) -> Reply:
        check_body(read_body(call), resource.member)
        await show(call, resource_id)
        raise PolicyNotAuthorized(f"update_{resource.member}")

    async def remove(call: Call, resource_id: str) -> Reply:
        await show(call, resource_id)
        raise PolicyNotAuthorized(f"delete_{resource.member}")

    async def update_none(_: Call) -> Reply:
        raise resource.kind.missing("None")

    service.route("GET", base, permission)(index)
    service.route("POST", base, "change")(create)
    service.route("PUT", base, "change")(update_none)
    service.route("GET", f"{base}/<resource_id>", permission)(show)
    service.route("PUT", f"{base}/<resource_id>", "change")(update)
    service.route("DELETE", f"{base}/<resource_id>", "change")(remove)

"""
/<resources>/<id>/tags: of networks, subnets and ports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from synnefo_tx.audit.writing import Told
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.api.resource import Resource
from synnefo_tx.network.api.resources import NETWORK, PORT, SUBNET
from synnefo_tx.network.api.service import read_body
from synnefo_tx.network.errors import InvalidQuery, TagNotFound
from synnefo_tx.network.rows import change_networks, lists, tags
from synnefo_tx.network.rules.tags import check_tag, read_tags

Change = Callable[[list[str]], list[str]]


def add_routes(service: Service) -> None:
    """
    Serve tags.
    """
    for resource in (NETWORK, SUBNET, PORT):
        serve_tags(service, resource)


def serve_tags(service: Service, resource: Resource) -> None:
    """
    Serve one resource's.
    """
    whole = f"{resource.path}/<thing_id>/tags"
    one = f"{whole}/<tag>"
    member = resource.member

    async def changed(call: Call, verb: str, thing_id: str, change: Change) -> list[str]:
        told = Told(f"{verb}_{member}:tags", member, thing_id)
        args = (resource, call.caller, thing_id, change, service.now_us())
        return await service.write(call, told, _change, *args)

    @service.route("GET", whole, f"get_{member}:tags")
    async def index(call: Call, thing_id: str) -> Reply:
        return json_reply(
            {"tags": await service.database.read(_read, resource, call.caller, thing_id)}
        )

    @service.route("GET", one, f"get_{member}:tags")
    async def has(call: Call, thing_id: str, tag: str) -> Reply:
        if tag not in await service.database.read(_read, resource, call.caller, thing_id):
            raise TagNotFound(tag)
        return empty_reply()

    @service.route("PUT", whole, f"update_{member}:tags")
    async def replace(call: Call, thing_id: str) -> Reply:
        asked = read_tags(read_body(call))
        return json_reply({"tags": await changed(call, "update", thing_id, lambda _: asked)})

    @service.route("PUT", one, f"update_{member}:tags")
    async def add(call: Call, thing_id: str, tag: str) -> Reply:
        try:
            check_tag(tag)
        except ValueError as error:
            raise InvalidQuery(f"Invalid input for tags. Reason: {error}.") from None
        await changed(call, "update", thing_id, lambda held: [*held, tag])
        return empty_reply(201)

    @service.route("DELETE", whole, f"delete_{member}:tags")
    async def clear(call: Call, thing_id: str) -> Reply:
        await changed(call, "delete", thing_id, lambda _: [])
        return empty_reply()

    @service.route("DELETE", one, f"delete_{member}:tags")
    async def remove(call: Call, thing_id: str, tag: str) -> Reply:
        def without(held: list[str]) -> list[str]:
            if tag not in held:
                raise TagNotFound(tag)
            return [other for other in held if other != tag]

        await changed(call, "delete", thing_id, without)
        return empty_reply()


def _read(connection: Connection, resource: Resource, caller: Caller, thing_id: str) -> list[str]:
    lists.find(connection, resource.kind, thing_id, caller)
    return tags.of_things(connection, resource.collection, [thing_id]).get(thing_id, [])


def _change(
    connection: Connection,
    resource: Resource,
    caller: Caller,
    thing_id: str,
    change: Change,
    now_us: int,
) -> list[str]:
    row: Any = resource.owned(connection, caller, thing_id, "update")
    wanted = change(tags.of_things(connection, resource.collection, [row.id]).get(row.id, []))
    tags.put(connection, resource.collection, row.id, wanted)
    change_networks.touched(connection, resource.kind.table, row.id, {}, now_us)
    return sorted(set(wanted))

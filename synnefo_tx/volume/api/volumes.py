"""
/volumes, but for actions and metadata.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from synnefo_tx.audit.writing import Told
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.volume.api.service import body_of, list_reply, look_of
from synnefo_tx.volume.errors import VolumeNotFound
from synnefo_tx.volume.rows import listing, volumes
from synnefo_tx.volume.rows.attached import of_volumes
from synnefo_tx.volume.rows.create_volumes import create_volume
from synnefo_tx.volume.rules import schemas
from synnefo_tx.volume.rules.create_request import names_of, read_request
from synnefo_tx.volume.rules.listing import Listing, parse
from synnefo_tx.volume.rules.queries import boolean
from synnefo_tx.volume.views import volumes as views

ONE = "/volumes/<volume_id>"
FORCE_DELETE = "volume_extension:volume_admin_actions:force_delete"
Found = tuple[list[Any], dict[str, list[Any]]]


def add_routes(service: Service) -> None:
    """
    Serve volumes.
    """
    _add_lists(service)
    _add_one(service)
    _add_changes(service)


def _page(connection: Connection, caller: Caller, asked: Listing) -> tuple[Found, int]:
    rows = listing.page(connection, listing.VOLUMES, caller, asked)
    many = listing.count(connection, listing.VOLUMES, caller, asked) if asked.with_count else 0
    return (rows, of_volumes(connection, [row.id for row in rows])), many


def _one(connection: Connection, caller: Caller, volume_id: str) -> tuple[Any, list[Any]]:
    row = volumes.find(connection, caller, volume_id)
    return row, of_volumes(connection, [row.id]).get(row.id, [])


def _add_lists(service: Service) -> None:
    async def answer(call: Call, detailed: bool) -> Reply:
        asked = parse(call.queries(), listing.VOLUMES.columns, call.token.is_admin)
        (rows, attached), many = await service.database.read(_page, call.caller, asked)
        look = look_of(call)
        if detailed:
            shown = [views.full(row, attached.get(row.id, ()), look) for row in rows]
        else:
            shown = [views.summary(row, look) for row in rows]
        return list_reply(call, "volumes", shown, asked, many)

    @service.route("GET", "/volumes", "volume:get_all")
    async def index(call: Call) -> Reply:
        if call.path.endswith("/"):
            raise VolumeNotFound("")  # one is asked for, without its id
        return await answer(call, False)

    @service.route("GET", "/volumes/detail", "volume:get_all")
    async def detail(call: Call) -> Reply:
        return await answer(call, True)

    @service.route("GET", "/volumes/summary", "volume:get_all")
    async def summary(call: Call) -> Reply:
        asked = parse(call.queries(), listing.VOLUMES.columns, call.token.is_admin)
        many, size, metadata = await service.database.read(listing.summed, call.caller, asked)
        told: dict[str, Any] = {"total_count": many, "total_size": size}
        if call.version >= (3, 36):
            told["metadata"] = metadata
        return json_reply({"volume-summary": told})


def _add_one(service: Service) -> None:
    @service.route("GET", ONE, "volume:get")
    async def show(call: Call, volume_id: str) -> Reply:
        row, attached = await service.database.read(_one, call.caller, volume_id)
        return json_reply({"volume": views.full(row, attached, look_of(call))})


def _add_changes(service: Service) -> None:
    @service.route("POST", "/volumes", "volume:create")
    async def create(call: Call) -> Reply:
        request = read_request(body_of(call))
        told = Told("volume:create", "volume", lambda row: row.id, {"size": request.size_gib})
        row = await service.wish(call, told, create_volume, call.caller, request, service.now_us())
        return json_reply({"volume": views.created(row, look_of(call))}, 202)

    @service.route("PUT", ONE, "volume:update")
    async def update(call: Call, volume_id: str) -> Reply:
        given = schemas.UPDATE_VOLUME.check(body_of(call))["volume"]
        values = changed_values(given)
        told = Told("volume:update", "volume", volume_id, {"changed": sorted(values)})
        await service.write(
            call, told, volumes.update_volume, call.caller, volume_id, values, service.now_us()
        )
        row, attached = await service.database.read(_one, call.caller, volume_id)
        return json_reply({"volume": views.changed_view(row, attached, look_of(call))})

    @service.route("DELETE", ONE, "volume:delete")
    async def delete(call: Call, volume_id: str) -> Reply:
        cascade = boolean("cascade", call.query("cascade"), usual=False)
        force = boolean("force", call.query("force"), usual=False) and call.version >= (3, 23)
        if force:
            service.enforce(call, FORCE_DELETE)
        told = Told("volume:delete", "volume", volume_id, {"cascade": cascade})
        await service.wish(
            call,
            told,
            volumes.delete_volume,
            call.caller,
            volume_id,
            service.now_us(),
            cascade,
            force,
        )
        return empty_reply(202)


def changed_values(given: dict[str, Any]) -> dict[str, Any]:
    """
    Columns of a body that updates a volume or snapshot.
    """
    named = names_of(given)
    values: dict[str, Any] = {}
    if {"name", "display_name"} & given.keys():
        values["name"] = named["name"] or ""
    if {"description", "display_description"} & given.keys():
        values["description"] = named["description"]
    if given.get("metadata") is not None:
        values["metadata"] = given["metadata"]
    return values

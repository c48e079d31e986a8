"""
/snapshots, but for metadata.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from synnefo_tx.audit.writing import Told
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.volume.api.service import body_of, list_reply, look_of
from synnefo_tx.volume.api.volumes import changed_values
from synnefo_tx.volume.rows import listing, snapshots
from synnefo_tx.volume.rules import schemas
from synnefo_tx.volume.rules.create_request import names_of
from synnefo_tx.volume.rules.listing import Listing, parse
from synnefo_tx.volume.rules.queries import FALSE, TRUE
from synnefo_tx.volume.views import snapshots as views

ONE = "/snapshots/<snapshot_id>"
RESET = "volume_extension:snapshot_admin_actions:reset_status"
FORCE_DELETE = "volume_extension:snapshot_admin_actions:force_delete"
UPDATE_STATUS = "volume_extension:snapshot_actions:update_snapshot_status"
STATES = ("available", "creating", "deleting", "error", "error_deleting")


def add_routes(service: Service) -> None:
    """
    Serve snapshots.
    """
    _add_readers(service)
    _add_changes(service)
    _add_actions(service)


def _page(connection: Connection, caller: Caller, asked: Listing) -> tuple[list[Any], int]:
    many = listing.count(connection, listing.SNAPSHOTS, caller, asked) if asked.with_count else 0
    return listing.page(connection, listing.SNAPSHOTS, caller, asked), many


def _add_readers(service: Service) -> None:
    async def answer(call: Call, detailed: bool) -> Reply:
        asked = parse(call.queries(), listing.SNAPSHOTS.columns, call.token.is_admin)
        rows, many = await service.database.read(_page, call.caller, asked)
        see = views.full if detailed else views.summary
        return list_reply(call, "snapshots", [see(row, look_of(call)) for row in rows], asked, many)

    @service.route("GET", "/snapshots", "volume:get_all_snapshots")
    async def index(call: Call) -> Reply:
        return await answer(call, False)

    @service.route("GET", "/snapshots/detail", "volume:get_all_snapshots")
    async def detail(call: Call) -> Reply:
        return await answer(call, True)

    @service.route("GET", ONE, "volume:get_snapshot")
    async def show(call: Call, snapshot_id: str) -> Reply:
        row = await service.database.read(snapshots.find, call.caller, snapshot_id)
        return json_reply({"snapshot": views.full(row, look_of(call))})


def _add_changes(service: Service) -> None:
    @service.route("POST", "/snapshots", "volume:create_snapshot")
    async def create(call: Call) -> Reply:
        given = schemas.CREATE_SNAPSHOT.check(body_of(call))["snapshot"]
        request = snapshots.SnapshotRequest(
            volume_id=str(given["volume_id"]),
            **names_of(given),
            metadata=given.get("metadata") or {},
            forced=_forced(given, call.version),
        )
        told = Told(
            "volume:create_snapshot", "snapshot", lambda row: row.id, {"volume": request.volume_id}
        )
        row = await service.wish(
            call, told, snapshots.create, call.caller, request, service.now_us()
        )
        return json_reply({"snapshot": views.summary(row, look_of(call))}, 202)

    @service.route("PUT", ONE, "volume:update_snapshot")
    async def update(call: Call, snapshot_id: str) -> Reply:
        values = changed_values(schemas.UPDATE_SNAPSHOT.check(body_of(call))["snapshot"])
        told = Told("volume:update_snapshot", "snapshot", snapshot_id, {"changed": sorted(values)})
        row = await service.write(
            call, told, snapshots.change, call.caller, snapshot_id, values, service.now_us()
        )
        return json_reply({"snapshot": views.summary(row, look_of(call))})

    @service.route("DELETE", ONE, "volume:delete_snapshot")
    async def delete(call: Call, snapshot_id: str) -> Reply:
        told = Told("volume:delete_snapshot", "snapshot", snapshot_id)
        await service.wish(call, told, snapshots.delete, call.caller, snapshot_id, service.now_us())
        return empty_reply(202)


def _add_actions(service: Service) -> None:
    path = f"{ONE}/action"
    service.way("POST", path, RESET, {"os-reset_status": {"status": "error"}})
    service.way("POST", path, UPDATE_STATUS, {"os-update_snapshot_status": {"status": "error"}})
    service.way("POST", path, FORCE_DELETE, {"os-force_delete": {}})

    async def change(call: Call, policy: str, snapshot_id: str, values: dict[str, Any]) -> None:
        service.enforce(call, policy)
        told = Told(policy, "snapshot", snapshot_id, values)
        now = service.now_us()
        await service.write(call, told, snapshots.change, call.caller, snapshot_id, values, now)

    @service.route("POST", path, "volume:snapshot_action")
    async def act(call: Call, snapshot_id: str) -> Reply:
        now = service.now_us()
        match body_of(call):
            case {"os-reset_status": {"status": str(status)}}:
                await change(call, RESET, snapshot_id, {"status": _state(status)})
            case {"os-update_snapshot_status": {"status": str(status), **more}}:
                values = {"status": _state(status), **_progress(more)}
                await change(call, UPDATE_STATUS, snapshot_id, values)
            case {"os-force_delete": _}:
                service.enforce(call, FORCE_DELETE)
                told = Told(FORCE_DELETE, "snapshot", snapshot_id)
                await service.wish(
                    call, told, snapshots.delete, call.caller, snapshot_id, now, True
                )
            case _:
                raise BadRequest("There is no such action of snapshots")
        return empty_reply(202)


def _state(status: str) -> str:
    if status not in STATES:
        raise BadRequest(f"Invalid input for field/attribute status. Value: {status}.")
    return status


def _progress(given: Mapping[Any, Any]) -> dict[str, str]:
    progress = given.get("progress")
    if progress is None:
        return {}
    if not isinstance(progress, str) or re.fullmatch(r"\d{1,3}%", progress, re.ASCII) is None:
        raise BadRequest(f"Invalid input for field/attribute progress. Value: {progress}.")
    return {"progress": progress}


def _forced(given: dict[str, Any], version: tuple[int, int]) -> bool:
    """
    Whether a volume in use will do: from 3.66 on always.
    """
    word = str(given.get("force") or False).strip().lower()
    if word not in TRUE | FALSE:
        raise BadRequest(f"Invalid value for 'force': '{given['force']}'")
    if version >= (3, 66):
        if word in FALSE and "force" in given:
            raise BadRequest(
                "Invalid value for 'force': 'False' is not allowed from microversion 3.66 on."
            )
        return True
    return word in TRUE

"""
/os-volumes and /os-snapshots, until 2.35: the block storage's, by Nova's names.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rules.attachment_schemas import CREATE_SNAPSHOT, CREATE_VOLUME
from synnefo_tx.compute.views import volumes as views
from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.rows import attached, listing, snapshots, volumes
from synnefo_tx.volume.rows.create_volumes import create_volume
from synnefo_tx.volume.rules.create_request import names_of, read_request
from synnefo_tx.volume.rules.listing import parse
from synnefo_tx.volume.rules.queries import TRUE

UNTIL = (2, 35)
VOLUMES, SNAPSHOTS = "/os-volumes", "/os-snapshots"
POLICY = "os-volumes"


def add_routes(service: Service) -> None:
    """
    Serve both.
    """
    _add_volume_readers(service)
    _add_volume_changes(service)
    _add_snapshot_readers(service)
    _add_snapshot_changes(service)


def _check(call: Call) -> None:
    """
    Raises NotFound when the microversion has these no more, or one is asked for without its id.
    """
    if call.version > UNTIL or call.path.endswith("/"):
        raise NotFound("The resource could not be found.")


async def _rows(service: Service, call: Call, kind: listing.Kind) -> list[Any]:
    _check(call)
    pairs = [(name, value) for name, value in call.queries() if name in ("limit", "offset")]
    asked = parse(pairs, kind.columns, call.token.is_admin)
    return await service.database.read(listing.page, kind, call.caller, asked)


def _add_volume_readers(service: Service) -> None:
    async def index(call: Call) -> Reply:
        rows = await _rows(service, call, listing.VOLUMES)
        held = await service.database.read(attached.of_volumes, [row.id for row in rows])
        shown = [views.volume(row, held.get(row.id, ())) for row in rows]
        return json_reply({"volumes": shown})

    service.route("GET", VOLUMES, f"{POLICY}:list")(index)
    service.route("GET", f"{VOLUMES}/detail", f"{POLICY}:detail")(index)

    @service.route("GET", f"{VOLUMES}/<volume_id>", f"{POLICY}:show")
    async def show(call: Call, volume_id: str) -> Reply:
        _check(call)
        row = await service.database.read(volumes.find, call.caller, volume_id)
        held = await service.database.read(attached.of_volumes, [row.id])
        return json_reply({"volume": views.volume(row, held.get(row.id, ()))})


def _add_volume_changes(service: Service) -> None:
    @service.route("POST", VOLUMES, f"{POLICY}:create")
    async def create(call: Call) -> Reply:
        _check(call)
        request = read_request(CREATE_VOLUME.check(body_of(call)))
        told = Told(f"{POLICY}:create", "volume", lambda row: row.id, {"size": request.size_gib})
        row = await service.wish(call, told, create_volume, call.caller, request, service.now_us())
        return json_reply({"volume": views.volume(row, ())})

    @service.route("DELETE", f"{VOLUMES}/<volume_id>", f"{POLICY}:delete")
    async def delete(call: Call, volume_id: str) -> Reply:
        _check(call)
        told = Told(f"{POLICY}:delete", "volume", volume_id)
        now = service.now_us()
        await service.wish(call, told, volumes.delete_volume, call.caller, volume_id, now)
        return empty_reply(202)


def _add_snapshot_readers(service: Service) -> None:
    async def index(call: Call) -> Reply:
        rows = await _rows(service, call, listing.SNAPSHOTS)
        return json_reply({"snapshots": [views.snapshot(row) for row in rows]})

    service.route("GET", SNAPSHOTS, f"{POLICY}:snapshots:list")(index)
    service.route("GET", f"{SNAPSHOTS}/detail", f"{POLICY}:snapshots:detail")(index)

    @service.route("GET", f"{SNAPSHOTS}/<snapshot_id>", f"{POLICY}:snapshots:show")
    async def show(call: Call, snapshot_id: str) -> Reply:
        _check(call)
        row = await service.database.read(snapshots.find, call.caller, snapshot_id)
        return json_reply({"snapshot": views.snapshot(row)})


def _add_snapshot_changes(service: Service) -> None:
    @service.route("POST", SNAPSHOTS, f"{POLICY}:snapshots:create")
    async def create(call: Call) -> Reply:
        _check(call)
        given = CREATE_SNAPSHOT.check(body_of(call))["snapshot"]
        request = snapshots.SnapshotRequest(
            volume_id=given["volume_id"],
            **names_of(given),
            metadata={},
            forced=str(given.get("force", False)).lower() in TRUE,
        )
        policy = f"{POLICY}:snapshots:create"
        told = Told(policy, "snapshot", lambda row: row.id, {"volume": request.volume_id})
        row = await service.wish(
            call, told, snapshots.create, call.caller, request, service.now_us()
        )
        return json_reply({"snapshot": views.snapshot(row)})

    @service.route("DELETE", f"{SNAPSHOTS}/<snapshot_id>", f"{POLICY}:snapshots:delete")
    async def delete(call: Call, snapshot_id: str) -> Reply:
        _check(call)
        told = Told(f"{POLICY}:snapshots:delete", "snapshot", snapshot_id)
        now = service.now_us()
        await service.wish(call, told, snapshots.delete, call.caller, snapshot_id, now)
        return empty_reply(202)

"""
/volumes/<id>/metadata and /snapshots/<id>/metadata.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.audit.writing import Told
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.api.service import body_of
from synnefo_tx.volume.rows import metadata as rows
from synnefo_tx.volume.rules.schemas import META_BODY, METADATA_BODY


@frozen(eq=False)
class _Policies:
    owner: rows.Owner
    kind: str
    read: str
    create: str
    update: str
    delete: str


_OF = {
    "/volumes": _Policies(
        rows.VOLUME,
        "volume",
        "volume:get_volume_metadata",
        "volume:create_volume_metadata",
        "volume:update_volume_metadata",
        "volume:delete_volume_metadata",
    ),
    "/snapshots": _Policies(
        rows.SNAPSHOT,
        "snapshot",
        "volume:get_snapshot_metadata",
        "volume:update_snapshot_metadata",
        "volume:update_snapshot_metadata",
        "volume:delete_snapshot_metadata",
    ),
}


def add_routes(service: Service) -> None:
    """
    Serve both.
    """
    for path, policies in _OF.items():
        _add_whole(service, f"{path}/<thing_id>/metadata", policies)
        _add_pairs(service, f"{path}/<thing_id>/metadata/<key>", policies)


def _add_whole(service: Service, path: str, of: _Policies) -> None:
    async def put(call: Call, thing_id: str, policy: str, keep: bool) -> Reply:
        given = METADATA_BODY.check(body_of(call))["metadata"]
        told = Told(policy, of.kind, thing_id, {"keys": sorted(given)})
        now = service.now_us()
        found = await service.write(
            call, told, rows.put, of.owner, call.caller, thing_id, given, now, keep
        )
        return json_reply({"metadata": found})

    @service.route("GET", path, of.read)
    async def index(call: Call, thing_id: str) -> Reply:
        found = await service.database.read(rows.read, of.owner, call.caller, thing_id)
        return json_reply({"metadata": found})

    @service.route("POST", path, of.create)
    async def create(call: Call, thing_id: str) -> Reply:
        return await put(call, thing_id, of.create, True)

    @service.route("PUT", path, of.update)
    async def update(call: Call, thing_id: str) -> Reply:
        return await put(call, thing_id, of.update, False)


def _add_pairs(service: Service, path: str, of: _Policies) -> None:
    @service.route("GET", path, of.read)
    async def show(call: Call, thing_id: str, key: str) -> Reply:
        found = await service.database.read(rows.value, of.owner, call.caller, thing_id, key)
        return json_reply({"meta": found})

    @service.route("PUT", path, of.update)
    async def update(call: Call, thing_id: str, key: str) -> Reply:
        given = META_BODY.check(body_of(call))["meta"]
        if key not in given:
            raise BadRequest("Request body and URI mismatch")
        told = Told(of.update, of.kind, thing_id, {"keys": [key]})
        now = service.now_us()
        await service.write(call, told, rows.put, of.owner, call.caller, thing_id, given, now, True)
        return json_reply({"meta": given})

    @service.route("DELETE", path, of.delete)
    async def delete(call: Call, thing_id: str, key: str) -> Reply:
        told = Told(of.delete, of.kind, thing_id, {"keys": [key]})
        now = service.now_us()
        await service.write(call, told, rows.remove, of.owner, call.caller, thing_id, key, now)
        return empty_reply(200)

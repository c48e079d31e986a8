"""
/attachments, from 3.27 on.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.audit.writing import Told
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.api.service import body_of, need_version
from synnefo_tx.volume.rows import attaching
from synnefo_tx.volume.rules import schemas
from synnefo_tx.volume.rules.queries import boolean
from synnefo_tx.volume.rules.works import connection_info
from synnefo_tx.volume.views import attachments as views

SINCE, COMPLETE_SINCE, MODE_SINCE = (3, 27), (3, 44), (3, 54)
ONE = "/attachments/<attachment_id>"
_HOST = {"host": schemas.TEXT, "mountpoint": schemas.TEXT}
_CONNECTOR = {"connector": {"type": ["object", "null"], "properties": _HOST}}
_CREATE = {"volume_uuid": schemas.UUID, "instance_uuid": schemas.UUID_OR_NULL, **_CONNECTOR}
_MODE = {"mode": {"type": "string", "enum": ["rw", "ro"]}}
CREATE = schemas.envelope("attachment", _CREATE, ("volume_uuid",))
CREATE_SINCE = schemas.envelope("attachment", {**_CREATE, **_MODE}, ("volume_uuid",))
UPDATE = schemas.envelope(
    "attachment",
    {"connector": {"type": "object", "minProperties": 1, "properties": _HOST}},
    ("connector",),
)


def add_routes(service: Service) -> None:
    """
    Serve attachments.
    """
    _add_readers(service)
    _add_changes(service)


def _full(row: Any) -> dict[str, Any]:
    is_connected = row.is_plugged or row.connector is not None
    info = connection_info(row.volume_id, row.mode) if is_connected else {}
    return views.full(row, info)


def _add_readers(service: Service) -> None:
    async def answer(call: Call, detailed: bool) -> Reply:
        need_version(call, SINCE)
        filters = dict(call.queries())
        every = boolean("all_tenants", filters.get("all_tenants"), usual=False)
        everyone = every and call.token.is_admin
        found = await service.database.read(
            attaching.list_attachments, call.caller, filters, everyone
        )
        see = _full if detailed else views.summary
        return json_reply({"attachments": [see(row) for row in found]})

    @service.route("GET", "/attachments", "volume:attachment_get")
    async def index(call: Call) -> Reply:
        return await answer(call, False)

    @service.route("GET", "/attachments/detail", "volume:attachment_get")
    async def detail(call: Call) -> Reply:
        return await answer(call, True)

    @service.route("GET", ONE, "volume:attachment_get")
    async def show(call: Call, attachment_id: str) -> Reply:
        need_version(call, SINCE)
        row, _ = await service.database.read(attaching.find_attachment, call.caller, attachment_id)
        return json_reply({"attachment": _full(row)})


def _add_changes(service: Service) -> None:
    @service.route("POST", "/attachments", "volume:attachment_create")
    async def create(call: Call) -> Reply:
        need_version(call, SINCE)
        schema = CREATE_SINCE if call.version >= MODE_SINCE else CREATE
        given = schema.check(body_of(call))["attachment"]
        wanted = attaching.Wanted(
            server_id=given.get("instance_uuid"),
            mode=given.get("mode") or "rw",
            connector=given.get("connector") or None,
        )
        volume_id = given["volume_uuid"]
        told = Told(
            "volume:attachment_create", "attachment", lambda row: row.id, {"volume": volume_id}
        )
        now = service.now_us()
        row = await service.write(call, told, attaching.create, call.caller, volume_id, wanted, now)
        return json_reply({"attachment": _full(row)})

    @service.route("PUT", ONE, "volume:attachment_update")
    async def update(call: Call, attachment_id: str) -> Reply:
        need_version(call, SINCE)
        connector = UPDATE.check(body_of(call))["attachment"]["connector"]
        told = Told("volume:attachment_update", "attachment", attachment_id)
        row = await service.write(
            call, told, attaching.connect, call.caller, attachment_id, connector, service.now_us()
        )
        return json_reply({"attachment": _full(row)})

    @service.route("POST", f"{ONE}/action", "volume:attachment_complete")
    async def complete(call: Call, attachment_id: str) -> Reply:
        need_version(call, COMPLETE_SINCE)
        body = body_of(call)
        if not isinstance(body, dict) or set(body) != {"os-complete"}:
            raise BadRequest("There is no such action of attachments")
        told = Told("volume:attachment_complete", "attachment", attachment_id)
        await service.write(
            call, told, attaching.complete, call.caller, attachment_id, service.now_us()
        )
        return empty_reply(204)

    @service.route("DELETE", ONE, "volume:attachment_delete")
    async def delete(call: Call, attachment_id: str) -> Reply:
        need_version(call, SINCE)
        told = Told("volume:attachment_delete", "attachment", attachment_id)
        await service.write(
            call, told, attaching.drop, call.caller, attachment_id, service.now_us()
        )
        return json_reply({"attachments": []})

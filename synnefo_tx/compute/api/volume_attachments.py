"""
/servers/<id>/os-volume_attachments.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.action import ask_of
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows import volume_attachments as rows
from synnefo_tx.compute.rules.attachment_schemas import create_schema, page_of, truth, update_schema
from synnefo_tx.compute.views.volume_attachments import attachment
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.rows.plugging import Plug

ALL = "/servers/<server_id>/os-volume_attachments"
ONE = f"{ALL}/<volume_id>"
POLICY = "os-volumes-attachments"


def add_routes(service: Service) -> None:
    """
    Serve servers' volumes.
    """
    _add_readers(service)
    _add_changes(service)


def _add_readers(service: Service) -> None:
    @service.route("GET", ALL, f"{POLICY}:index")
    async def index(call: Call, server_id: str) -> Reply:
        wanted = page_of(call.queries())
        found = await service.database.read(rows.index, call.caller, server_id)
        shown = [attachment(row, call.version) for row in found[wanted]]
        return json_reply({"volumeAttachments": shown})

    @service.route("GET", ONE, f"{POLICY}:show")
    async def show(call: Call, server_id: str, volume_id: str) -> Reply:
        row = await service.database.read(rows.show, call.caller, server_id, volume_id)
        return json_reply({"volumeAttachment": attachment(row, call.version)})


def _add_changes(service: Service) -> None:
    @service.route("POST", ALL, f"{POLICY}:create")
    async def attach(call: Call, server_id: str) -> Reply:
        given = create_schema(call.version).check(body_of(call))["volumeAttachment"]
        wanted = Plug(
            volume_id=given["volumeId"],
            tag=given.get("tag"),
            delete_on_termination=truth(given.get("delete_on_termination", False)),
        )
        told = Told(f"{POLICY}:create", "server", server_id, {"volume": wanted.volume_id})
        row = await service.wish(call, told, rows.attach, ask_of(service, call, server_id), wanted)
        return json_reply({"volumeAttachment": attachment(row, call.version)})

    @service.route("PUT", ONE, f"{POLICY}:update")
    async def update(call: Call, server_id: str, volume_id: str) -> Reply:
        given = dict(update_schema(call.version).check(body_of(call))["volumeAttachment"])
        if "delete_on_termination" in given:
            given["delete_on_termination"] = truth(given["delete_on_termination"])
        new_id = given.pop("volumeId")
        told = Told(f"{POLICY}:update", "server", server_id, {"volume": volume_id})
        ask = ask_of(service, call, server_id)
        await service.write(call, told, rows.update, ask, volume_id, new_id, given)
        return empty_reply(202)

    @service.route("DELETE", ONE, f"{POLICY}:delete")
    async def detach(call: Call, server_id: str, volume_id: str) -> Reply:
        told = Told(f"{POLICY}:delete", "server", server_id, {"volume": volume_id})
        ask = ask_of(service, call, server_id)
        await service.wish(call, told, rows.detach, ask, volume_id)
        return empty_reply(202)

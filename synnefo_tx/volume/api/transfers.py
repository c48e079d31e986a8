"""
/os-volume-transfer, and /volume-transfers from 3.55 on.
"""

from __future__ import annotations

from synnefo_tx.audit.writing import Told
from synnefo_tx.http.call import Call
from synnefo_tx.http.microversions import Version
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.api.service import MINIMUM, body_of, list_reply, look_of, need_version
from synnefo_tx.volume.rows import listing, transfers
from synnefo_tx.volume.rules import schemas
from synnefo_tx.volume.rules.listing import parse
from synnefo_tx.volume.views import transfers as views

_CREATE = {
    "name": schemas.TEXT,
    "volume_id": schemas.UUID,
}
CREATE = schemas.envelope("transfer", _CREATE, ("volume_id",))
CREATE_SINCE = schemas.envelope(
    "transfer", {**_CREATE, "no_snapshots": schemas.BOOLEAN}, ("volume_id",)
)
ACCEPT = schemas.envelope(
    "accept",
    {"auth_key": {"type": ["string", "integer"], "minLength": 1, "maxLength": 255}},
    ("auth_key",),
)


def add_routes(service: Service) -> None:
    """
    Serve both.
    """
    for collection, since in (("os-volume-transfer", MINIMUM), ("volume-transfers", (3, 55))):
        _add_readers(service, collection, since)
        _add_changes(service, collection, since)


def _add_readers(service: Service, collection: str, since: Version) -> None:
    base = f"/{collection}"

    async def answer(call: Call, detailed: bool) -> Reply:
        need_version(call, since)
        asked = parse(call.queries(), listing.TRANSFERS.columns, call.token.is_admin)
        rows = await service.database.read(listing.page, listing.TRANSFERS, call.caller, asked)
        see = views.full if detailed else views.summary
        shown = [see(row, look_of(call), collection) for row in rows]
        return list_reply(call, "transfers", shown, asked, len(rows))

    @service.route("GET", base, "volume:get_all_transfers")
    async def index(call: Call) -> Reply:
        return await answer(call, False)

    @service.route("GET", f"{base}/detail", "volume:get_all_transfers")
    async def detail(call: Call) -> Reply:
        return await answer(call, True)

    @service.route("GET", f"{base}/<transfer_id>", "volume:get_transfer")
    async def show(call: Call, transfer_id: str) -> Reply:
        need_version(call, since)
        row = await service.database.read(transfers.find, call.caller, transfer_id)
        return json_reply({"transfer": views.full(row, look_of(call), collection)})


def _add_changes(service: Service, collection: str, since: Version) -> None:
    base = f"/{collection}"

    @service.route("POST", base, "volume:create_transfer")
    async def create(call: Call) -> Reply:
        need_version(call, since)
        schema = CREATE_SINCE if call.version >= (3, 55) else CREATE
        given = schema.check(body_of(call))["transfer"]
        told = Told("volume:create_transfer", "transfer", lambda made: made[0].id)
        row, key = await service.write(
            call,
            told,
            transfers.create,
            call.caller,
            given["volume_id"],
            given.get("name"),
            schemas.truth(given.get("no_snapshots", False)),
            service.now_us(),
        )
        return json_reply({"transfer": views.created(row, look_of(call), collection, key)}, 202)

    @service.route("POST", f"{base}/<transfer_id>/accept", "volume:accept_transfer")
    async def accept(call: Call, transfer_id: str) -> Reply:
        need_version(call, since)
        key = str(ACCEPT.check(body_of(call))["accept"]["auth_key"])
        told = Told("volume:accept_transfer", "transfer", transfer_id)
        row = await service.write(
            call, told, transfers.accept, call.caller, transfer_id, key, service.now_us()
        )
        return json_reply({"transfer": views.summary(row, look_of(call), collection)}, 202)

    @service.route("DELETE", f"{base}/<transfer_id>", "volume:delete_transfer")
    async def delete(call: Call, transfer_id: str) -> Reply:
        need_version(call, since)
        told = Told("volume:delete_transfer", "transfer", transfer_id)
        await service.write(
            call, told, transfers.cancel, call.caller, transfer_id, service.now_us()
        )
        return empty_reply(202)

"""
/os-keypairs.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.permissions import PREFIX
from synnefo_tx.compute.rows import keypairs as rows
from synnefo_tx.compute.rules.keypair_schemas import create_schema, list_schema
from synnefo_tx.compute.rules.paging import MAX_LIMIT, limit_and_marker, next_links
from synnefo_tx.compute.rules.ssh_keys import fingerprint, new_key_pair
from synnefo_tx.compute.views import keypairs as views
from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.quota.model import Payer


def add_routes(service: Service) -> None:
    """
    Serve key pairs.
    """
    database = service.database

    @service.route("GET", "/os-keypairs", "os-keypairs:index")
    async def index(call: Call) -> Reply:
        pairs = call.queries()
        query = list_schema(call.version).check_query(pairs)
        owner = _owner(call, call.query("user_id"), "index")
        paged = call.version >= (2, 35)
        limit, marker = limit_and_marker(query) if paged else (MAX_LIMIT, None)
        found = await database.read(rows.list_keypairs, owner, limit, marker)
        body: dict[str, Any] = {"keypairs": [views.listed(row, call.version) for row in found]}
        url = f"{call.base}/v2.1/os-keypairs"
        links = next_links(url, pairs, [row.name for row in found], limit) if paged else []
        if links:
            body["keypairs_links"] = links
        return json_reply(body)

    @service.route("GET", "/os-keypairs/<name>", "os-keypairs:show")
    async def show(call: Call, name: str) -> Reply:
        owner = _owner(call, call.query("user_id"), "show")
        row = await database.read(rows.find_keypair, owner, name)
        return json_reply(views.shown(row, call.version))

    @service.route("POST", "/os-keypairs", "os-keypairs:create")
    async def create(call: Call) -> Reply:
        asked = create_schema(call.version).check(body_of(call))["keypair"]
        owner = _owner(call, asked.get("user_id"), "create")
        name, public_key, private_key = asked["name"].strip(), asked.get("public_key"), None
        if public_key is None:
            made = new_key_pair()
            public_key, private_key = made.public_key, made.private_key
        print_of_it = fingerprint(public_key)
        payer = Payer(owner, call.token.project_id)
        await service.write(
            call,
            Told("os-keypairs:create", "keypair", name, {"user_id": owner}),
            rows.create_keypair,
            payer,
            name,
            public_key,
            print_of_it,
            service.now_us(),
        )
        row = await database.read(rows.find_keypair, owner, name)
        status = 201 if call.version >= (2, 2) else 200
        return json_reply(views.created(row, private_key, call.version), status)

    @service.route("DELETE", "/os-keypairs/<name>", "os-keypairs:delete")
    async def delete(call: Call, name: str) -> Reply:
        owner = _owner(call, call.query("user_id"), "delete")
        told = Told("os-keypairs:delete", "keypair", name, {"user_id": owner})
        await service.write(call, told, rows.delete_keypair, owner, name)
        return empty_reply(204 if call.version >= (2, 2) else 202)


def _owner(call: Call, asked: str | None, action: str) -> str:
    """
    Whose key pairs: the caller's, or from 2.10 another user's for administrators.
    """
    if not asked or call.version < (2, 10) or asked == call.token.user_id:
        return call.token.user_id
    if not call.token.is_admin:
        raise Forbidden(f"Policy doesn't allow {PREFIX}os-keypairs:{action} to be performed.")
    return asked

"""
/servers/<id>/tags, from 2.26.
"""

from __future__ import annotations

from collections.abc import Sequence

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import body_of, need_version
from synnefo_tx.compute.rows.server_data import Change, change_tags
from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rules.server_schemas import ONE_TAG, TAGS
from synnefo_tx.compute.rules.tags import added
from synnefo_tx.compute.views.links import href
from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service

BASE = "/servers/<server_id>/tags"
SINCE = (2, 26)


def add_routes(service: Service) -> None:
    """
    Serve servers' tags.
    """
    _all_tags(service)
    _one_tag(service)


async def _change(
    service: Service, call: Call, server_id: str, action: str, made: Change
) -> list[str]:
    need_version(call, SINCE)
    verb, _, what = action.partition(" ")
    policy = f"{verb}_all" if what == "tags" else verb
    told = Told(f"os-server-tags:{policy}", "server", server_id)
    given = (call.caller, server_id, action, made, service.now_us())
    return await service.write(call, told, change_tags, *given)


def _all_tags(service: Service) -> None:
    @service.route("GET", BASE, "os-server-tags:index")
    async def index(call: Call, server_id: str) -> Reply:
        need_version(call, SINCE)
        server = await service.database.read(find_server, call.caller, server_id)
        return json_reply({"tags": server.tags})

    @service.route("PUT", BASE, "os-server-tags:update_all")
    async def update_all(call: Call, server_id: str) -> Reply:
        need_version(call, SINCE)
        tags = sorted(set(TAGS.check(body_of(call))["tags"]))
        return json_reply(
            {"tags": await _change(service, call, server_id, "update tags", lambda _: tags)}
        )

    @service.route("DELETE", BASE, "os-server-tags:delete_all")
    async def delete_all(call: Call, server_id: str) -> Reply:
        await _change(service, call, server_id, "delete tags", lambda _: [])
        return empty_reply(204)


def _one_tag(service: Service) -> None:
    @service.route("GET", f"{BASE}/<tag>", "os-server-tags:show")
    async def show(call: Call, server_id: str, tag: str) -> Reply:
        need_version(call, SINCE)
        server = await service.database.read(find_server, call.caller, server_id)
        if tag not in server.tags:
            raise _no_tag(server_id, tag)
        return empty_reply(204)

    @service.route("PUT", f"{BASE}/<tag>", "os-server-tags:update")
    async def update(call: Call, server_id: str, tag: str) -> Reply:
        need_version(call, SINCE)
        if call.raw_body():
            ONE_TAG.check(body_of(call))
        had: list[str] = []

        def add(tags: Sequence[str]) -> list[str]:
            had[:] = tags
            return added(tags, tag)

        await _change(service, call, server_id, "update tag", add)
        if tag in had:
            return empty_reply(204)
        place = f"{href(call.base, 'servers', server_id)}/tags/{tag}"
        return empty_reply(201, ("Location", place))

    @service.route("DELETE", f"{BASE}/<tag>", "os-server-tags:delete")
    async def delete(call: Call, server_id: str, tag: str) -> Reply:
        def remove(tags: Sequence[str]) -> list[str]:
            if tag not in tags:
                raise _no_tag(server_id, tag)
            return [name for name in tags if name != tag]

        await _change(service, call, server_id, "delete tag", remove)
        return empty_reply(204)


def _no_tag(server_id: str, tag: str) -> NotFound:
    return NotFound(f"Server {server_id} has no tag '{tag}'")

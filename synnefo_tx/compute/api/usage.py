"""
/os-simple-tenant-usage.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.permissions import PREFIX
from synnefo_tx.compute.rows import usage as rows
from synnefo_tx.compute.rules.paging import MAX_LIMIT, limit_and_marker, next_links
from synnefo_tx.compute.rules.usage import by_project, read_span
from synnefo_tx.errors import BadRequest, Forbidden, NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service

ROOT = "/os-simple-tenant-usage"
PAGED = (2, 40)  # the version from which on lists have pages, of servers


def add_routes(service: Service) -> None:
    """
    Serve what projects' servers have used.
    """

    async def used(
        call: Call, project_id: str | None, *, detailed: bool
    ) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
        span = read_span(call.query("start"), call.query("end"), service.now_us())
        limit, marker = _page(call) if call.version >= PAGED else (None, None)
        found = await service.database.read(rows.there, span, project_id, limit, marker)
        url = f"{call.base}/v2.1{ROOT}{f'/{project_id}' if project_id else ''}"
        ids = [row.id for row in found]
        links = next_links(url, call.queries(), ids, limit) if limit is not None else []
        return by_project(found, span, detailed=detailed), links

    @service.route("GET", ROOT, "os-simple-tenant-usage:list")
    async def index(call: Call) -> Reply:
        if call.request.path.endswith(b"/"):  # of a project without a name
            raise NotFound("The resource could not be found.")
        detailed = call.query("detailed") == "1"
        found, links = await used(call, None, detailed=detailed)
        more = {"tenant_usages_links": links} if links else {}
        return json_reply({"tenant_usages": found, **more})

    @service.route("GET", f"{ROOT}/<project_id>", "os-simple-tenant-usage:show")
    async def show(call: Call, project_id: str) -> Reply:
        if project_id != call.token.project_id and not call.token.is_admin:
            policy = f"{PREFIX}os-simple-tenant-usage:show"
            raise Forbidden(f"Policy doesn't allow {policy} to be performed.")
        found, links = await used(call, project_id, detailed=True)
        more = {"tenant_usage_links": links} if links else {}
        return json_reply({"tenant_usage": found[0] if found else {}, **more})


def _page(call: Call) -> tuple[int, str | None]:
    asked: dict[str, list[str]] = {}
    for name, value in call.queries():
        asked.setdefault(name, []).append(value)
    for digits in asked.get("limit", ()):
        if not (digits.isascii() and digits.isdigit()):
            raise BadRequest("Invalid input for query parameters limit.")
    limit, marker = limit_and_marker(asked)
    return limit or MAX_LIMIT, marker

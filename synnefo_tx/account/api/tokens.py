"""
POST /v2.0/tokens: what kamaki asks first, whom a token names and where the services are.

Source: Synnefo 0.21, astakos/api/tokens.py.  The URL to give to kamaki is <cloud>/account/v2.0.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from synnefo_tx.account.api.context import Context, read_object
from synnefo_tx.account.rows.names import active_projects
from synnefo_tx.account.views.access import access_view, catalog_view
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Authenticate, Router
from synnefo_tx.identity.catalog import Service

Services = Callable[[str], Awaitable[tuple[Service, ...]]]


def add_routes(
    router: Router, context: Context, authenticate: Authenticate, services: Services
) -> None:
    """
    services: what a token of a project is told of ("": of none).
    """

    @router.route("POST", "/v2.0/tokens", None)
    async def tokens(call: Call) -> Reply:
        root = call.base.removesuffix(f"/{router.prefix}")
        asked = read_object(call) if call.raw_body() else {}
        if not asked:
            catalog = catalog_view(await services(""), root, "")
            return json_reply({"access": {"serviceCatalog": catalog}})
        auth = asked.get("auth")
        if not isinstance(auth, dict):
            raise BadRequest("Malformed request")
        text, user_id = _presented(auth)
        token = await authenticate(text)
        tenant = auth.get("tenantName") or auth.get("tenantId")
        known = (None, token.user_id, token.project_id)
        if user_id not in (None, token.user_id) or tenant not in known:
            raise BadRequest("Not conforming tenantName or user")
        projects = await context.database.read(active_projects, token.user_id)
        catalog = catalog_view(await services(token.project_id), root, token.project_id)
        return json_reply({"access": access_view(text, token, projects, catalog)})


def _presented(auth: dict[str, Any]) -> tuple[str, str | None]:
    """
    The token's text, and the user whose it should be.  Raises BadRequest.
    """
    token, password = auth.get("token"), auth.get("passwordCredentials")
    if isinstance(token, dict):
        text, user_id = token.get("id"), None
    elif isinstance(password, dict):
        text, user_id = password.get("password"), password.get("username")
        if not isinstance(user_id, str):
            raise BadRequest("Malformed request")
    else:
        raise BadRequest("Malformed request")
    if not isinstance(text, str) or not text:
        raise BadRequest("Malformed request")
    return text, user_id

"""
/events/webhooks: addresses that a project's events are posted to.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any
from urllib.parse import urlsplit

from synnefo_tx.audit.writing import Told, write
from synnefo_tx.errors import BadRequest
from synnefo_tx.events.rows import webhooks
from synnefo_tx.http.bodies import Body
from synnefo_tx.http.call import Call
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.secret_box import SecretBox

_BODY = Body(
    {
        "type": "object",
        "properties": {
            "webhook": {
                "type": "object",
                "properties": {
                    "url": {"type": "string", "minLength": 1, "maxLength": 2048},
                    "kinds": {
                        "type": "array",
                        "items": {"type": "string", "pattern": "^[a-z_]{1,32}$"},
                        "maxItems": 32,
                    },
                    "secret": {"type": "string", "minLength": 16, "maxLength": 255},
                },
                "required": ["url"],
                "additionalProperties": False,
            }
        },
        "required": ["webhook"],
        "additionalProperties": False,
    }
)


def add_webhooks(router: Router, cloud: Cloud, box: SecretBox) -> None:
    """
    Serve them.
    """

    @router.route("GET", "/webhooks", "events:list_webhooks")
    async def index(call: Call) -> Reply:
        rows = await cloud.database.read(webhooks.of_project, project_of(call))
        return json_reply({"webhooks": [_seen(row) for row in rows]})

    @router.route("GET", "/webhooks/<webhook_id>", "events:get_webhook")
    async def show(call: Call, webhook_id: str) -> Reply:
        row = await cloud.database.read(webhooks.find, project_of(call), webhook_id)
        return json_reply({"webhook": _seen(row)})

    @router.route("POST", "/webhooks", "events:create_webhook")
    async def create(call: Call) -> Reply:
        project_id, asked = project_of(call), _BODY.check(call.json())["webhook"]
        url, secret = _checked(asked["url"]), asked.get("secret") or secrets.token_urlsafe(32)
        row = {
            "id": str(uuid.uuid4()),
            "project_id": project_id,
            "url": url,
            "secret": box.seal(secret),
            "kinds": asked.get("kinds", []),
        }
        told = Told("events:create_webhook", "webhook", row["id"], {"url": url})
        made = await write(cloud, call, told, webhooks.add, row, cloud.now_us())
        return json_reply({"webhook": {**_seen(made), "secret": secret}}, 201)

    @router.route("DELETE", "/webhooks/<webhook_id>", "events:delete_webhook")
    async def delete(call: Call, webhook_id: str) -> Reply:
        told = Told("events:delete_webhook", "webhook", webhook_id)
        await write(cloud, call, told, webhooks.remove, project_of(call), webhook_id)
        return empty_reply()


def project_of(call: Call) -> str:
    """
    The token's.  Raises BadRequest.
    """
    project_id = call.token.project_id
    if project_id is None:
        raise BadRequest("The token is of no project.")
    return project_id


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadRequest("url: it is no URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise BadRequest("url: it must be an http or https URL with a host.")
    if parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise BadRequest("url: it must be plain ASCII without a user.")
    return url


def _seen(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "project_id": row.project_id,
        "url": row.url,
        "kinds": row.kinds,
        "failures": row.failures,
        "ended_reason": row.ended_reason,
        "created_at": row.created_at,
    }

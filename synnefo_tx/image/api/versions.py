"""
GET / and GET /versions: which versions there are, told to anybody.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.image.api.service import ImageService

CURRENT = "2.17"
SUPPORTED_BEFORE = ("2.15", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8")
SUPPORTED_AFTER = ("2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0")


def document(base: str) -> dict[str, Any]:
    """
    The versions document, in Glance's order.
    """

    def version(number: str, status: str) -> dict[str, Any]:
        links = [{"rel": "self", "href": f"{base}/v2/"}]
        return {"id": f"v{number}", "status": status, "links": links}

    return {
        "versions": [
            *(version(number, "SUPPORTED") for number in SUPPORTED_BEFORE),
            version(CURRENT, "CURRENT"),
            *(version(number, "SUPPORTED") for number in SUPPORTED_AFTER),
        ]
    }


def add_routes(service: ImageService) -> None:
    """
    Serve the version documents.
    """
    router = service.router

    @router.route("GET", "/", None)
    async def choices(call: Call) -> Reply:
        return json_reply(document(call.base), 300)

    @router.route("GET", "/versions", None)
    async def versions(call: Call) -> Reply:
        return json_reply(document(call.base))

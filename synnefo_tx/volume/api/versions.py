"""
The version documents.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.api.service import MAXIMUM, MINIMUM
from synnefo_tx.volume.views import versions as views


def add_routes(service: Service) -> None:
    """
    Serve what the API says of itself.
    """
    router = service.router

    @router.route("GET", "/", None)
    async def versions(call: Call) -> Reply:
        return json_reply(views.versions(call.base, MINIMUM, MAXIMUM), 300)

    @router.route("GET", "/v3/", "volume:versions")
    async def version(call: Call) -> Reply:
        return json_reply(views.versions(call.base, MINIMUM, MAXIMUM))

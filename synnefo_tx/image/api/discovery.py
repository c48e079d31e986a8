"""
/v2/schemas and /v2/info: what clients ask before they ask for images.
"""

from __future__ import annotations

from synnefo_tx.errors import NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.image.api.service import ImageService
from synnefo_tx.image.schemas import DOCUMENTS
from synnefo_tx.image.views.images import STORE


def add_routes(service: ImageService) -> None:
    """
    Serve schemas and information.
    """
    router = service.router

    @router.route("GET", "/v2/", "get_discovery")
    async def root(_call: Call) -> Reply:
        # Glance asks for a token here, and has nothing to show to those who have one.
        raise NotFound("The resource could not be found.")

    @router.route("GET", "/v2/schemas/<name>", "get_schemas")
    async def schema(_call: Call, name: str) -> Reply:
        if name not in DOCUMENTS:
            raise NotFound("The resource could not be found.")
        return json_reply(DOCUMENTS[name])

    @router.route("GET", "/v2/info/import", "get_discovery")
    async def import_methods(_call: Call) -> Reply:
        return json_reply(
            {
                "import-methods": {
                    "description": "Import methods available.",
                    "type": "array",
                    "value": [],
                }
            }
        )

    @router.route("GET", "/v2/info/stores", "get_discovery")
    async def stores(_call: Call) -> Reply:
        return json_reply({"stores": [{"id": STORE, "default": "true"}]})

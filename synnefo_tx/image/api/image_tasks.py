"""
/v2/images/{id}/tasks.
"""

from __future__ import annotations

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.image.api.service import ImageService, viewer_of
from synnefo_tx.image.rows import images


def add_routes(service: ImageService) -> None:
    """
    Serve the tasks of images: none is kept, what is done to an image is told by its status.
    """

    @service.router.route("GET", "/v2/images/<image_id>/tasks", "get_image")
    async def index(call: Call, image_id: str) -> Reply:
        await service.database.read(images.get, image_id, viewer_of(call))
        return json_reply({"tasks": []})

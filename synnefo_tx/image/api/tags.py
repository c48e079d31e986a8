"""
/v2/images/{id}/tags/{tag}.
"""

from __future__ import annotations

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.errors import Forbidden, NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.image.api.service import ImageService, told, viewer_of
from synnefo_tx.image.errors import ImageNotFound, NotPermitted
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import images
from synnefo_tx.image.rules.attributes import checked
from synnefo_tx.image.schemas import image_body


def add_routes(service: ImageService) -> None:
    """
    Serve the tags of images.
    """
    router = service.router

    @router.route("PUT", "/v2/images/<image_id>/tags/<tag>", "modify_image")
    async def add(call: Call, image_id: str, tag: str) -> Reply:
        image_body.check({"tags": [tag]})
        given = (image_id, tag, viewer_of(call), service.now_us())
        await service.write(call, told("modify_image", image_id, tag_added=tag), _add, *given)
        return empty_reply()

    @router.route("DELETE", "/v2/images/<image_id>/tags/<tag>", "modify_image")
    async def remove(call: Call, image_id: str, tag: str) -> Reply:
        given = (image_id, tag, viewer_of(call), service.now_us())
        await service.write(call, told("modify_image", image_id, tag_removed=tag), _remove, *given)
        return empty_reply()


def _add(connection: Connection, image_id: str, tag: str, viewer: Viewer, now_us: int) -> None:
    image = _own(connection, image_id, viewer)
    if tag not in image.tags:
        after = evolve(image, tags=(*image.tags, tag), updated_at=now_us)
        images.save(connection, checked(after, viewer.is_admin, before=image))


def _remove(connection: Connection, image_id: str, tag: str, viewer: Viewer, now_us: int) -> None:
    image = _own(connection, image_id, viewer)
    if tag not in image.tags:
        raise NotFound("The resource could not be found.")
    rest = tuple(other for other in image.tags if other != tag)
    images.save(connection, evolve(image, tags=rest, updated_at=now_us))


def _own(connection: Connection, image_id: str, viewer: Viewer) -> Image:
    try:
        return images.get_to_change(connection, image_id, viewer, "modify_image")
    except ImageNotFound as error:
        raise ImageNotFound(image_id, "Image {} not found.") from error
    except NotPermitted as error:
        raise Forbidden(f"Not allowed to update tags for image {image_id}.") from error

"""
/v2/images: create, list, show, change, delete, deactivate.
"""

from __future__ import annotations

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.errors import Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.image.api.service import ImageService, body_of, told, viewer_of
from synnefo_tx.image.errors import MediaType
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import charges, images
from synnefo_tx.image.rows import listing as pages
from synnefo_tx.image.rules import patch
from synnefo_tx.image.rules.creation import new_image
from synnefo_tx.image.rules.listing import listing
from synnefo_tx.image.sweep import delete_loose
from synnefo_tx.image.views.images import STORE, shown, shown_page

_PATCH_DEPTHS = {patch.OLD: True, patch.NEW: False}


def add_routes(service: ImageService) -> None:
    """
    Serve the collection and each image.
    """
    router = service.router

    @router.route("POST", "/v2/images", "add_image")
    async def create(call: Call) -> Reply:
        image = new_image(body_of(call), viewer_of(call), service.now_us())
        await service.write(call, told("add_image", image.id), images.add, image)
        return json_reply(
            shown(image),
            201,
            ("Location", f"{call.base}/v2/images/{image.id}"),
            ("OpenStack-image-store-ids", STORE),
        )

    @router.route("GET", "/v2/images", "get_images")
    async def index(call: Call) -> Reply:
        asked = listing(call.queries())
        found = await service.database.read(pages.page, asked, viewer_of(call))
        return json_reply(shown_page(found, asked.limit, call.queries()))

    @router.route("GET", "/v2/images/<image_id>", "get_image")
    async def show(call: Call, image_id: str) -> Reply:
        image = await service.database.read(images.get, image_id, viewer_of(call))
        return json_reply(shown(image))

    @router.route("PATCH", "/v2/images/<image_id>", "modify_image")
    async def change(call: Call, image_id: str) -> Reply:
        asked = patch.changes(body_of(call), _old_draft(call))
        line = told("modify_image", image_id)
        image = await service.write(
            call, line, _changed, image_id, asked, viewer_of(call), service.now_us()
        )
        return json_reply(shown(image))

    @router.route("DELETE", "/v2/images/<image_id>", "delete_image")
    async def delete(call: Call, image_id: str) -> Reply:
        line = told("delete_image", image_id)
        volumes = await service.write(
            call, line, images.remove, image_id, viewer_of(call), service.now_us()
        )
        await delete_loose(service.database, service.cloud.blocks, volumes)
        return empty_reply()

    _add_actions(service)


def _add_actions(service: ImageService) -> None:
    async def set_active(call: Call, image_id: str, active: bool) -> Reply:
        line = told("reactivate" if active else "deactivate", image_id)
        given = (image_id, active, viewer_of(call), service.now_us())
        await service.write(call, line, _set_active, *given)
        return empty_reply()

    @service.router.route("POST", "/v2/images/<image_id>/actions/deactivate", "deactivate")
    async def deactivate(call: Call, image_id: str) -> Reply:
        return await set_active(call, image_id, False)

    @service.router.route("POST", "/v2/images/<image_id>/actions/reactivate", "reactivate")
    async def reactivate(call: Call, image_id: str) -> Reply:
        return await set_active(call, image_id, True)


def _old_draft(call: Call) -> bool:
    media_type = call.header("content-type").partition(";")[0].strip().lower()
    if media_type not in _PATCH_DEPTHS:
        allowed = ", ".join(sorted(_PATCH_DEPTHS))
        raise MediaType(media_type, f"Image PATCH expects Content-Type one of: {allowed}")
    return _PATCH_DEPTHS[media_type]


def _changed(
    connection: Connection,
    image_id: str,
    asked: list[patch.Change],
    viewer: Viewer,
    now_us: int,
) -> Image:
    if not asked:
        return images.get(connection, image_id, viewer)
    image = images.get_to_change(connection, image_id, viewer, "modify_image")
    after = patch.changed(image, asked, viewer.is_admin, now_us)
    charges.move(connection, image, after.owner)
    images.save(connection, after)
    return after


def _set_active(
    connection: Connection, image_id: str, active: bool, viewer: Viewer, now_us: int
) -> None:
    action = "reactivate" if active else "deactivate"
    image = images.get_to_change(connection, image_id, viewer, action)
    wanted = "active" if active else "deactivated"
    if image.status not in ("active", "deactivated"):
        raise Forbidden(f"Not allowed to {action} image in status '{image.status}'")
    if image.status != wanted:
        images.save(connection, evolve(image, status=wanted, updated_at=now_us))

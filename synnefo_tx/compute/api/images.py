"""
/images, which clients ask of compute up to 2.35, and their metadata, up to 2.38.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.action import ask_of
from synnefo_tx.compute.api.service import body_of
from synnefo_tx.compute.rows import image_data
from synnefo_tx.compute.rules.image_queries import translated
from synnefo_tx.compute.rules.paging import next_links
from synnefo_tx.compute.rules.server_schemas import METADATA, METADATA_ITEM
from synnefo_tx.compute.views import images as views
from synnefo_tx.errors import BadRequest, NotFound
from synnefo_tx.http.call import Call
from synnefo_tx.http.microversions import Version
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.image.errors import ImageNotFound
from synnefo_tx.image.model import Image
from synnefo_tx.image.rows import images
from synnefo_tx.image.rows.listing import page
from synnefo_tx.image.rules.listing import listing

IMAGES_UNTIL, METADATA_UNTIL = (2, 35), (2, 38)
_PATH = "/images/<image_id>"
_DATA = f"{_PATH}/metadata"


def add_routes(service: Service) -> None:
    """
    Serve images and their metadata.
    """
    _images(service)
    _metadata(service)
    _items(service)


def _until(call: Call, version: Version) -> None:
    if call.version > version:
        raise NotFound("The resource could not be found.")


async def _find(service: Service, call: Call, image_id: str) -> Image:
    viewer = image_data.viewer_of(ask_of(service, call))
    try:
        return await service.database.read(images.get, image_id, viewer)
    except ImageNotFound as error:
        raise NotFound("Image not found.") from error


def _images(service: Service) -> None:
    async def listed(call: Call, collection: str, view: Any) -> Reply:
        _until(call, IMAGES_UNTIL)
        wanted = listing(translated(call.queries()))
        viewer = image_data.viewer_of(ask_of(service, call))
        found = await service.database.read(page, wanted, viewer)
        body: dict[str, Any] = {"images": [view(image, call.base) for image in found]}
        url = f"{call.base}/v2.1/{collection}"
        links = next_links(url, call.queries(), [image.id for image in found], wanted.limit)
        if links:
            body["images_links"] = links
        return json_reply(body)

    @service.route("GET", "/images", "images:index")
    async def index(call: Call) -> Reply:
        return await listed(call, "images", views.basic)

    @service.route("GET", "/images/detail", "images:index")
    async def detail(call: Call) -> Reply:
        return await listed(call, "images/detail", views.full)

    @service.route("GET", _PATH, "images:index")
    async def show(call: Call, image_id: str) -> Reply:
        _until(call, IMAGES_UNTIL)
        return json_reply({"image": views.full(await _find(service, call, image_id), call.base)})

    @service.route("DELETE", _PATH, "images:delete")
    async def delete(call: Call, image_id: str) -> Reply:
        _until(call, IMAGES_UNTIL)
        told = Told("images:delete", "image", image_id)
        try:
            await service.write(call, told, image_data.remove, ask_of(service, call), image_id)
        except ImageNotFound as error:
            raise NotFound("Image not found.") from error
        return empty_reply(204)


async def _change(
    service: Service, call: Call, image_id: str, made: image_data.Change
) -> Mapping[str, str]:
    told = Told("images:metadata", "image", image_id)
    ask = ask_of(service, call)
    try:
        image = await service.write(call, told, image_data.change, ask, image_id, made)
    except ImageNotFound as error:
        raise NotFound("Image not found.") from error
    return image.properties


def _metadata(service: Service) -> None:
    @service.route("GET", _DATA, "images:index")
    async def index(call: Call, image_id: str) -> Reply:
        _until(call, METADATA_UNTIL)
        image = await _find(service, call, image_id)
        return json_reply({"metadata": dict(image.properties)})

    @service.route("POST", _DATA, "images:metadata")
    async def add(call: Call, image_id: str) -> Reply:
        _until(call, METADATA_UNTIL)
        more = METADATA.check(body_of(call))["metadata"]
        kept = await _change(service, call, image_id, lambda had: {**had, **more})
        return json_reply({"metadata": dict(kept)})

    @service.route("PUT", _DATA, "images:metadata")
    async def replace(call: Call, image_id: str) -> Reply:
        _until(call, METADATA_UNTIL)
        new = METADATA.check(body_of(call))["metadata"]
        kept = await _change(service, call, image_id, lambda _had: dict(new))
        return json_reply({"metadata": dict(kept)})


def _items(service: Service) -> None:
    @service.route("GET", f"{_DATA}/<key>", "images:index")
    async def show(call: Call, image_id: str, key: str) -> Reply:
        _until(call, METADATA_UNTIL)
        image = await _find(service, call, image_id)
        if key not in image.properties:
            raise NotFound("The resource could not be found.")
        return json_reply({"meta": {key: image.properties[key]}})

    @service.route("PUT", f"{_DATA}/<key>", "images:metadata")
    async def put(call: Call, image_id: str, key: str) -> Reply:
        _until(call, METADATA_UNTIL)
        meta = METADATA_ITEM.check(body_of(call))["meta"]
        if key not in meta:
            raise BadRequest("Request body and URI mismatch")
        await _change(service, call, image_id, lambda had: {**had, **meta})
        return json_reply({"meta": meta})

    @service.route("DELETE", f"{_DATA}/<key>", "images:metadata")
    async def delete(call: Call, image_id: str, key: str) -> Reply:
        _until(call, METADATA_UNTIL)

        def without(had: Mapping[str, str]) -> dict[str, str]:
            if key not in had:
                raise NotFound("Invalid metadata key")
            return {name: value for name, value in had.items() if name != key}

        await _change(service, call, image_id, without)
        return empty_reply(204)

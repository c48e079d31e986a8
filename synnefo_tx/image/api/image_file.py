"""
/v2/images/{id}/file: the bytes, up and down.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.image.api.service import ImageService, told, viewer_of
from synnefo_tx.image.downloads import Download, Span, asked_span
from synnefo_tx.image.errors import MediaType
from synnefo_tx.image.reception import Read
from synnefo_tx.image.rows import images

OCTETS = "application/octet-stream"
MOST_DIGITS = 18  # Python reads no endless numbers


def add_routes(service: ImageService) -> None:
    """
    Serve the bytes of images.
    """
    router = service.router

    @router.route("PUT", "/v2/images/<image_id>/file", "upload_image")
    async def upload(call: Call, image_id: str) -> Reply:
        media_type = call.header("content-type").partition(";")[0].strip().lower()
        if media_type != OCTETS:
            raise MediaType(media_type, f"Invalid content type {media_type or None}")
        await service.uploads.receive(image_id, viewer_of(call), _reader(call), _length(call))
        await service.write(call, told("upload_image", image_id), lambda _: None)
        return empty_reply()

    @router.route("GET", "/v2/images/<image_id>/file", "download_image")
    async def download(call: Call, image_id: str) -> Reply:
        image = await service.database.read(images.get, image_id, viewer_of(call))
        if image.status == "deactivated" and not call.token.is_admin:
            raise Forbidden(
                "The requested image has been deactivated. Image data download is forbidden."
            )
        if image.file_volume is None or image.size is None:
            return empty_reply()
        span = asked_span(call.header("range"), image.size)
        headers = [("Content-MD5", image.checksum)] if image.checksum else []
        if span is not None:
            headers.append(("Content-Range", f"bytes {span.start}-{span.end - 1}/{image.size}"))
        bytes_sent = span or Span(0, image.size)
        return Reply(
            status=206 if span else 200,
            content_type=OCTETS,
            headers=tuple(headers),
            stream=Download(service.cloud.blocks, image.file_volume, bytes_sent),
            length=bytes_sent.length,
        )


def _reader(call: Call) -> Read:
    """
    The body as it arrives; whole when the site does not stream it.
    """
    if call.body_stream is not None:
        return call.body_stream.read
    content = call.request.content
    content.seek(0)

    async def read() -> bytes:
        chunk: bytes = content.read(1024 * 1024)
        return chunk

    return read


def _length(call: Call) -> int | None:
    announced = call.header("x-openstack-image-size")
    text = call.header("content-length") or announced
    for value in (text, announced):
        if value and (not value.isdecimal() or len(value) > MOST_DIGITS):
            raise BadRequest("Invalid or missing image size in request headers.")
    return int(text) if text else None

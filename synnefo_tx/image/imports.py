"""
Bringing in an image from a local file, as the first start of a cloud does.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from twisted.internet.threads import deferToThread

from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.image.convert import IConverter
from synnefo_tx.image.errors import WrongStatus
from synnefo_tx.image.flight import InThread
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import images
from synnefo_tx.image.uploads import Uploads
from synnefo_tx.store.database import Database

_CHUNK_BYTES = 1024 * 1024


async def import_file(
    database: Database,
    blocks: IBlocks,
    path: Path,
    name: str,
    owner: str,
    visibility: str,
    disk_format: str,
    now: float,
    *,
    properties: Mapping[str, str] | None = None,
    min_disk: int = 0,
    min_ram: int = 0,
    converter: IConverter | None = None,
    in_thread: InThread = deferToThread,
) -> str:
    """
    The id of the image `name` of the project `owner`, brought in from `path` unless it is there.

    An image of that name without data (an import that was cut) gets them now.  now: seconds since
    the epoch.  min_disk is GiB, min_ram MiB.  Raises OSError for the file, WrongStatus when
    somebody else is just uploading it, and what an upload raises.
    """
    image = await database.read(images.named, name, owner)
    if image is None:
        now_us = int(now * 1_000_000)
        image = Image(
            id=str(uuid.uuid4()),
            name=name,
            owner=owner,
            visibility=visibility,
            disk_format=disk_format,
            container_format="bare",
            min_disk=min_disk,
            min_ram=min_ram,
            properties=dict(properties or {}),
            created_at=now_us,
            updated_at=now_us,
        )
        await database.write(images.add, image)
    if image.status == "saving":
        raise WrongStatus("saving", "saving")
    if image.status == "queued":
        uploads = Uploads(database, blocks, converter, lambda: now, in_thread)
        await _upload(uploads, image, path, in_thread)
    return image.id


async def _upload(uploads: Uploads, image: Image, path: Path, in_thread: InThread) -> None:
    file = await in_thread(path.open, "rb")
    try:
        size = (await in_thread(path.stat)).st_size

        async def read() -> bytes:
            chunk: bytes = await in_thread(file.read, _CHUNK_BYTES)
            return chunk

        await uploads.receive(image.id, Viewer(image.owner or "", is_admin=True), read, size)
    finally:
        await in_thread(file.close)

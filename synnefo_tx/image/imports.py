"""
Bringing in an image from a local file, as the first start of a cloud does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.image.convert import IConverter
from synnefo_tx.image.errors import ImageExists
from synnefo_tx.image.flight import InThread
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import images
from synnefo_tx.image.sweep import sweep
from synnefo_tx.image.uploads import Uploads
from synnefo_tx.store.database import Database

_CHUNK_BYTES = 1024 * 1024
_WAIT_S = 2.0


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
    image_id: str | None = None,
    converter: IConverter | None = None,
    in_thread: InThread = deferToThread,
    reactor: Any = None,
) -> str:
    """
    The id of the image `name` of the project `owner`, brought in from `path` unless it is there.

    An image of that name without data (an import that was cut) gets them now; while another
    process uploads it, this waits, and takes over when that process turns out to be dead.  Several
    processes may call this at once.

    now: seconds since the epoch.  min_disk is GiB, min_ram MiB.  image_id: of a new one; None: made
    of name and owner.  reactor: None is Twisted's own.  Raises OSError for the file, ImageExists
    when an image of another name has the id, and what an upload raises.
    """
    reactor = reactor or installed_reactor
    begun = reactor.seconds()

    def clock() -> float:
        return float(now + reactor.seconds() - begun)

    image = await database.read(images.named, name, owner)
    if image is None:
        now_us = int(now * 1_000_000)
        new = Image(
            id=image_id or "",
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
        image = await _added(database, new)
    while image.status == "saving":
        await sweep(database, blocks, clock())
        image = await database.read(images.get, image.id, Viewer("", is_admin=True))
        if image.status == "saving":
            await deferLater(reactor, _WAIT_S, lambda: None)
    if image.status == "queued":
        uploads = Uploads(database, blocks, converter, clock, in_thread, reactor)
        await _upload(uploads, image, path, in_thread)
    return image.id


async def _added(database: Database, new: Image) -> Image:
    try:
        return await database.write(images.add_named, new)
    except ImageExists:  # another process was quicker
        image = await database.read(images.named, new.name or "", new.owner or "")
        if image is None:
            raise
        return image


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

"""
Uploads: queued -> saving -> active, or back to queued with nothing left behind.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from archipelagod.wire.errors import NoSpace, NoSuchVolume, StorageError
from synnefo_tx.errors import TooLarge, Unavailable
from synnefo_tx.image import qcow2
from synnefo_tx.image.blocks import IBlocks, whole_sectors
from synnefo_tx.image.convert import IConverter
from synnefo_tx.image.errors import UnacceptableDisk, UploadOvertaken
from synnefo_tx.image.flight import InThread
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.reception import MAX_IMAGE_BYTES, Hashed, Read, Reception
from synnefo_tx.image.rows import uploads as rows
from synnefo_tx.image.sweep import LEASE_S, delete_loose
from synnefo_tx.store.database import Database

CONVERTED_FORMATS = ("qcow2",)


@frozen
class Uploads:
    """
    clock: seconds since the epoch.  reactor: for the timer by which an upload under way says that
    it lives; None is Twisted's own.
    """

    database: Database
    blocks: IBlocks
    converter: IConverter | None
    clock: Callable[[], float]
    in_thread: InThread = deferToThread
    reactor: Any = None
    max_bytes: int = MAX_IMAGE_BYTES
    _log: Logger = field(factory=Logger, init=False, eq=False)

    async def receive(
        self, image_id: str, viewer: Viewer, read: Read, length: int | None = None
    ) -> None:
        """
        Take the image's bytes from `read`, b"" at their end; active on return.

        Raises ImageNotFound, NotPermitted, WrongStatus, BadRequest, TooLarge, Exceeded,
        UnacceptableDisk, UploadOvertaken, Unavailable and what `read` raises.
        """
        upload_id = str(uuid.uuid4())
        volume = f"image-{image_id}-{upload_id}"
        disk = f"{volume}-disk"
        image = await self.database.write(
            rows.begin, image_id, viewer, upload_id, (volume, disk), self._now_us(), length
        )
        pulse = LoopingCall(self._renew, upload_id)
        if self.reactor is not None:
            pulse.clock = self.reactor
        pulse.start(LEASE_S / 4, now=False)
        try:
            received = await self._stored(image, volume, disk, read, length)
            await self.database.write(rows.finish, image_id, upload_id, received, self._now_us())
        except Exception as error:
            await self._undo(image_id, upload_id, error)
            raise self._told(image_id, error) from error
        finally:
            if pulse.running:
                pulse.stop()

    async def _stored(
        self, image: Image, volume: str, disk: str, read: Read, length: int | None
    ) -> rows.Received:
        reception = Reception(self.blocks, volume, self.in_thread, self.max_bytes)
        hashed = await reception.take(read, length)
        boot_volume: str | None = None
        virtual_size: int | None = None
        if image.container_format == "bare" and image.disk_format == "raw":
            boot_volume, virtual_size = volume, hashed.size
        elif image.container_format == "bare" and image.disk_format in CONVERTED_FORMATS:
            virtual_size = await self._converted(image.disk_format, volume, disk, hashed)
            boot_volume = disk
        return rows.Received(
            size=hashed.size,
            checksum=hashed.md5,
            sha512=hashed.sha512,
            file_volume=volume,
            boot_volume=boot_volume,
            virtual_size=virtual_size,
        )

    async def _converted(self, disk_format: str, volume: str, disk: str, hashed: Hashed) -> int:
        if self.converter is None:
            raise Unavailable("Disk images can't be converted here")
        head = await self.blocks.read(volume, 0, min(whole_sectors(hashed.size), 512))
        qcow2.read_head(head[: hashed.size])
        try:
            size = await self.converter.virtual_size(volume, disk_format)
            await self.blocks.create(disk, whole_sectors(size))
            await self.converter.convert(volume, disk_format, disk)
        except UnacceptableDisk:
            await self.blocks.info(volume)  # storage that is away is no fault of the image
            raise
        await self.blocks.seal(disk)
        return size

    async def _undo(self, image_id: str, upload_id: str, error: Exception) -> None:
        self._log.info(
            "upload to image {image_id} ended: {kind} {error}",
            image_id=image_id,
            kind=type(error).__name__,
            error=error,
        )
        try:
            loose = await self.database.write(rows.give_up, image_id, upload_id, self._now_us())
            await delete_loose(self.database, self.blocks, loose)
        except Exception:  # noqa: BLE001 - the first error is the one to tell; a sweep will finish this
            self._log.failure("upload to image {image_id} was not undone", image_id=image_id)

    def _told(self, image_id: str, error: Exception) -> Exception:
        """
        What the caller hears of it.
        """
        match error:
            case NoSpace():
                return TooLarge("Image storage media is full: there is no room for the image")
            case NoSuchVolume():  # a sweep or a delete was quicker
                return UploadOvertaken(image_id)
            case StorageError():
                return Unavailable("The image store is unavailable")
        return error

    async def _renew(self, upload_id: str) -> None:
        try:
            await self.database.write(rows.renew, upload_id, self._now_us())
        except Exception:  # noqa: BLE001 - the next beat may reach the database; `finish` decides
            self._log.failure("upload {upload_id} was not renewed", upload_id=upload_id)

    def _now_us(self) -> int:
        return int(self.clock() * 1_000_000)

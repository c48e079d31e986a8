"""
Bytes up and down, and what becomes of uploads that fail.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from attrs import define
from sqlalchemy import select
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from archipelagod.wire.errors import NoSpace, StorageUnavailable, VolumeBusy
from synnefo_tx.http.streaming import BodyCut
from synnefo_tx.image import streams
from synnefo_tx.image.convert import IConverter
from synnefo_tx.image.errors import (
    ImageNotActive,
    ImageNotBootable,
    ImageNotFound,
    UnacceptableDisk,
    UploadOvertaken,
    WrongStatus,
)
from synnefo_tx.image.memory_blocks import MemoryBlocks
from synnefo_tx.image.model import Viewer
from synnefo_tx.image.rows.images import bootable
from synnefo_tx.image.rows.tables import loose_volumes
from synnefo_tx.image.sweep import LEASE_S, sweep
from synnefo_tx.image.uploads import Uploads
from tests.synnefo_tx.image.cloud import ADMIN, ALICE, BOB, READER, Cloud, at_once, page
from tests.synnefo_tx.image.qcow2_files import qcow2_head

MIB = 1024 * 1024


@implementer(IConverter)
@define
class PlainConverter:
    """
    Takes the file after its first 4 KiB for the disk.
    """

    blocks: MemoryBlocks
    refusal: str | None = None

    async def virtual_size(self, source: str, disk_format: str) -> int:
        return (await self.blocks.info(source)).size_bytes - 4096

    async def convert(self, source: str, disk_format: str, target: str) -> None:
        if self.refusal is not None:
            raise UnacceptableDisk(self.refusal)
        size = (await self.blocks.info(target)).size_bytes
        await self.blocks.write(target, 0, await self.blocks.read(source, 4096, size))


class FileCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.blocks = self.cloud.blocks

    def loose(self) -> list[str]:
        with self.cloud.database.engine.connect() as connection:
            return list(connection.execute(select(loose_volumes.c.volume)).scalars())

    def status(self, image_id: str) -> str:
        return str(self.cloud.call("GET", f"/v2/images/{image_id}").json["status"])

    def put(self, image_id: str, data: bytes, user: str = ALICE, **headers: str) -> Any:
        return self.cloud.call("PUT", f"/v2/images/{image_id}/file", data, user, headers=headers)

    def get(self, image_id: str, user: str = ALICE, **headers: str) -> Any:
        return self.cloud.call("GET", f"/v2/images/{image_id}/file", user=user, headers=headers)

    def receive(self, image_id: str, data: bytes, length: int | None) -> None:
        """Upload past HTTP, whose bodies are whole and small here."""
        chunks = [data[n : n + 300_000] for n in range(0, len(data), 300_000)] + [b""]

        async def read() -> bytes:
            return chunks.pop(0)

        uploads = Uploads(self.cloud.database, self.blocks, None, lambda: 5.0, at_once)
        receiving = uploads.receive(image_id, Viewer("project-alice"), read, length)
        self.successResultOf(Deferred.fromCoroutine(receiving))

    def sweep(self, lease_s: float = LEASE_S) -> list[str]:
        waiting = sweep(self.cloud.database, self.blocks, self.cloud.now, lease_s)
        return self.successResultOf(Deferred.fromCoroutine(waiting))


class UploadTests(FileCase):
    def test_raw(self) -> None:
        """A raw file is hashed, sealed, and boots as it is; its volume is of whole sectors."""
        data = os.urandom(9 * MIB + 100)
        image_id = self.cloud.create()
        self.receive(image_id, data, len(data))
        image = self.cloud.call("GET", f"/v2/images/{image_id}").json
        self.assertEqual(image["status"], "active")
        self.assertEqual((image["size"], image["virtual_size"]), (len(data), len(data)))
        self.assertEqual(image["checksum"], hashlib.md5(data).hexdigest())
        self.assertEqual(image["os_hash_algo"], "sha512")
        self.assertEqual(image["os_hash_value"], hashlib.sha512(data).hexdigest())
        self.assertEqual(image["stores"], "archipelago")
        ((name, volume),) = self.blocks.volumes.items()
        self.assertTrue(name.startswith(f"image-{image_id}-"))
        self.assertTrue(volume.read_only)
        self.assertTrue(volume.data == data + bytes(-len(data) % 512))
        self.assertEqual(self.loose(), [])

    def test_sparse(self) -> None:
        """Pieces of zeros are not written, and are read all the same."""
        image_id = self.cloud.create()
        self.blocks.failing = {"write": ZeroDivisionError("zeros were written")}
        self.receive(image_id, bytes(8 * MIB), 8 * MIB)
        self.assertTrue(self.get(image_id).body == bytes(8 * MIB))

    def test_empty(self) -> None:
        """No bytes at all make an active image of size 0."""
        image_id = self.cloud.active(data=b"")
        self.assertEqual(self.cloud.call("GET", f"/v2/images/{image_id}").json["size"], 0)
        answer = self.get(image_id)
        self.assertEqual((answer.status, answer.body), (200, b""))

    def test_unknown_length(self) -> None:
        """A body that doesn't say its length makes the volume grow, and be cut to fit."""
        data = os.urandom(70 * MIB + 1)
        self.receive(self.cloud.create(), data, None)
        (volume,) = self.blocks.volumes.values()
        self.assertTrue(volume.data == data + bytes(511))

    def test_wrong_media_type(self) -> None:
        """Bytes come as octets, or not at all."""
        image_id = self.cloud.create()
        answer = self.put(image_id, b"x", **{"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 415)
        self.assertIn(b"The request media type text/plain is not supported", answer.body)
        self.assertIn(b"Invalid content type text/plain", answer.body)

    def test_wrong_status(self) -> None:
        """Data are uploaded once."""
        answer = self.put(self.cloud.active(), b"x")
        self.assertEqual(
            answer.body.decode(),
            page("409 Conflict", "Image status transition from active to saving is not allowed"),
        )

    def test_formats_first(self) -> None:
        """Formats must be set before data come."""
        image_id = self.cloud.create(disk_format=None, container_format=None)
        self.assertEqual(
            self.put(image_id, b"x").body.decode(),
            page(
                "400 Bad Request",
                "Properties disk_format, container_format must be set prior to saving data.",
            ),
        )
        self.assertEqual(self.status(image_id), "queued")

    def test_foreign(self) -> None:
        """Into a foreign image nobody uploads, seen or not."""
        hidden = self.cloud.create()
        seen = self.cloud.create(ADMIN, visibility="public")
        self.assertEqual(self.put(hidden, b"x", BOB).status, 404)
        self.assertEqual(self.put(seen, b"x", BOB).status, 403)
        self.assertEqual(self.put(hidden, b"x", READER).status, 403)
        self.assertEqual(self.blocks.volumes, {})

    def test_storage_errors(self) -> None:
        """Whatever call to storage fails: queued again, nothing left, and the caller told."""
        for method in ("create", "write", "seal"):
            for error, status in ((StorageUnavailable("away"), 503), (NoSpace("full"), 413)):
                image_id = self.cloud.create()
                self.blocks.failing = {method: error}
                answer = self.put(image_id, b"data")
                self.assertEqual(answer.status, status, answer.body)
                self.blocks.failing = {}
                self.assertEqual(self.status(image_id), "queued")
                self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))
                self.assertEqual(self.get(image_id).status, 204)
                self.assertEqual(self.put(image_id, b"data").status, 204)
                self.cloud.call("DELETE", f"/v2/images/{image_id}")

    def test_unexpected_error(self) -> None:
        """A defect is a bare 500, and the image is queued again."""
        image_id = self.cloud.create()
        self.blocks.failing = {"write": ZeroDivisionError("x")}
        self.assertEqual(self.put(image_id, b"data").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.status(image_id), "queued")
        self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))

    def test_bad_length(self) -> None:
        """A length that is no number is 400."""
        image_id = self.cloud.create()
        for said in ("-5", "9" * 5000):
            answer = self.put(image_id, b"x", **{"x-openstack-image-size": said})
            self.assertEqual(answer.status, 400)

    def test_announced_too_large(self) -> None:
        """More than an image may have is refused before a byte is taken."""
        image_id = self.cloud.create()

        async def read() -> bytes:
            raise AssertionError

        uploads = Uploads(
            self.cloud.database, self.blocks, None, lambda: 5.0, at_once, max_bytes=10
        )
        receiving = uploads.receive(image_id, Viewer("project-alice"), read, 11)
        failure = self.failureResultOf(Deferred.fromCoroutine(receiving))
        self.assertEqual(
            str(failure.value),
            "The incoming image is too large: The provided image is too large.",
        )
        self.assertEqual((self.status(image_id), self.loose()), ("queued", []))


class SlowUploadTests(FileCase):
    """An upload that waits for its bytes."""

    def setUp(self) -> None:
        super().setUp()
        self.image_id = self.cloud.create()
        self.chunk: Deferred[bytes] = Deferred()

        async def read() -> bytes:
            chunk = await self.chunk
            self.chunk = Deferred()
            return chunk

        self.uploads = Uploads(
            self.cloud.database,
            self.blocks,
            None,
            lambda: self.cloud.now,
            at_once,
            self.cloud.timers,
        )
        self.receiving = Deferred.fromCoroutine(
            self.uploads.receive(self.image_id, Viewer("project-alice"), read)
        )
        self.chunk.callback(b"x" * 5 * MIB)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.cloud.now += 1
            self.cloud.timers.advance(1)

    def end(self) -> None:
        self.chunk.callback(b"")

    def test_saving(self) -> None:
        """While bytes come the image is saving, has no data to read, and takes no second upload."""
        self.assertEqual(self.status(self.image_id), "saving")
        self.assertEqual(self.get(self.image_id).status, 204)
        self.assertEqual(
            self.put(self.image_id, b"x").body.decode(),
            page("409 Conflict", "Image status transition from saving to saving is not allowed"),
        )
        self.end()
        self.successResultOf(self.receiving)
        self.assertEqual(self.status(self.image_id), "active")
        self.assertEqual(len(self.blocks.volumes), 1)

    def test_cut(self) -> None:
        """A client that goes away leaves a queued image and no volume."""
        self.chunk.errback(BodyCut())
        self.failureResultOf(self.receiving, BodyCut)
        self.assertEqual(self.status(self.image_id), "queued")
        self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))

    def test_cut_with_storage_away(self) -> None:
        """A volume that can't be deleted then is deleted by a sweep."""
        self.blocks.failing = {"delete": StorageUnavailable("away")}
        self.chunk.errback(BodyCut())
        self.failureResultOf(self.receiving, BodyCut)
        self.assertEqual(self.status(self.image_id), "queued")
        self.assertEqual(len(self.sweep()), 2)
        self.blocks.failing = {}
        self.assertEqual(self.sweep(), [])
        self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))

    def test_deleted_meanwhile(self) -> None:
        """An image deleted during its upload stays deleted, and the upload leaves nothing."""
        self.assertEqual(self.cloud.call("DELETE", f"/v2/images/{self.image_id}").status, 204)
        self.sweep()
        self.end()
        self.failureResultOf(self.receiving, UploadOvertaken)
        self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))
        self.assertEqual(self.cloud.call("GET", f"/v2/images/{self.image_id}").status, 404)

    def test_slow_is_not_dead(self) -> None:
        """A sweep leaves an upload alone that takes ten minutes and says that it lives."""
        for _ in range(10):
            self.wait(60)
            self.sweep()
        self.assertEqual(self.status(self.image_id), "saving")
        self.end()
        self.successResultOf(self.receiving)
        self.assertEqual(self.status(self.image_id), "active")
        self.assertEqual(self.cloud.timers.getDelayedCalls(), [])

    def test_dead(self) -> None:
        """An upload that says nothing any more is ended; what still comes of it changes nothing."""
        self.cloud.now += LEASE_S + 1
        self.assertEqual(self.sweep(), [])
        self.assertEqual(self.status(self.image_id), "queued")
        self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))
        self.assertEqual(self.put(self.image_id, b"other").status, 204)
        self.chunk.callback(b"y" * 5 * MIB)
        self.end()
        self.failureResultOf(self.receiving, UploadOvertaken)
        self.assertEqual(self.get(self.image_id).body, b"other")
        self.assertEqual(self.loose(), [])

    def test_sweep_at_start(self) -> None:
        """The one process of a cloud, just started, need not wait for a lease to end."""
        self.sweep(lease_s=0)
        self.assertEqual(self.status(self.image_id), "saving")  # renewed this very moment
        self.cloud.now += 1
        self.sweep(lease_s=0)
        self.assertEqual(self.status(self.image_id), "queued")
        self.chunk.errback(BodyCut())
        self.failureResultOf(self.receiving, BodyCut)


class DeletionTests(FileCase):
    def test_busy_volume(self) -> None:
        """A volume that can't be deleted now doesn't keep the image from being deleted."""
        image_id = self.cloud.active()
        self.blocks.failing = {"delete": VolumeBusy("open")}
        self.assertEqual(self.cloud.call("DELETE", f"/v2/images/{image_id}").status, 204)
        self.assertEqual((len(self.blocks.volumes), len(self.loose())), (1, 1))
        self.blocks.failing = {}
        self.assertEqual(self.sweep(), [])
        self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))

    def test_cloned(self) -> None:
        """An image that servers were made of can be deleted."""
        image_id = self.cloud.active(data=b"data")
        (volume,) = self.blocks.volumes
        self.successResultOf(Deferred.fromCoroutine(self.blocks.clone(volume, "disk")))
        self.assertEqual(self.cloud.call("DELETE", f"/v2/images/{image_id}").status, 204)
        self.assertEqual(list(self.blocks.volumes), ["disk"])


class DownloadTests(FileCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = os.urandom(3 * MIB + 7)
        self.image_id = self.cloud.active(data=self.data)

    def test_whole(self) -> None:
        """All bytes, with their length and MD5."""
        answer = self.get(self.image_id, READER)
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.body == self.data)
        self.assertEqual(answer.header("content-type"), "application/octet-stream")
        self.assertEqual(answer.length, len(self.data))
        self.assertEqual(answer.header("content-md5"), hashlib.md5(self.data).hexdigest())

    def test_ranges(self) -> None:
        """One range, from the start, the middle or the end."""
        size = len(self.data)
        for asked, start, end in (
            ("bytes=0-4", 0, 5),
            (f"bytes={MIB - 1}-{2 * MIB}", MIB - 1, 2 * MIB + 1),
            ("bytes=100-", 100, size),
            ("bytes=-7", size - 7, size),
            (f"bytes=-{size * 2}", 0, size),
            (f"bytes=5-{size * 2}", 5, size),
        ):
            answer = self.get(self.image_id, Range=asked)
            self.assertEqual(answer.status, 206, asked)
            self.assertTrue(answer.body == self.data[start:end], asked)
            self.assertEqual(answer.header("content-range"), f"bytes {start}-{end - 1}/{size}")
            self.assertEqual(answer.length, end - start)

    def test_bad_ranges(self) -> None:
        """A range that makes no sense or is not there is 416, several are 400."""
        size = len(self.data)
        for asked in ("bytes=5-4", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-" + "9" * 5000):
            self.assertEqual(
                self.get(self.image_id, Range=asked).body.decode(),
                page("416 Request Range Not Satisfiable", "Invalid Range header."),
            )
        self.assertEqual(
            self.get(self.image_id, Range=f"bytes={size}-").body.decode(),
            page(
                "416 Request Range Not Satisfiable",
                "Invalid start position in Range header. Start position MUST be in the inclusive "
                f"range [0, {size - 1}].",
            ),
        )
        self.assertEqual(self.get(self.image_id, Range="bytes=0-1,3-4").status, 400)

    def test_nothing_yet(self) -> None:
        """A queued image has no content."""
        answer = self.get(self.cloud.create())
        self.assertEqual((answer.status, answer.body), (204, b""))

    def test_foreign(self) -> None:
        """A foreign image's bytes are not there."""
        self.assertEqual(
            self.get(self.image_id, BOB).body.decode(),
            page("404 Not Found", f"No image found with ID {self.image_id}"),
        )

    def test_deactivated(self) -> None:
        """A deactivated image is downloaded by administrators alone."""
        path = f"/v2/images/{self.image_id}/actions"
        self.assertEqual(self.cloud.call("POST", f"{path}/deactivate").status, 204)
        self.assertEqual(self.status(self.image_id), "deactivated")
        self.assertEqual(
            self.get(self.image_id).body.decode(),
            page(
                "403 Forbidden",
                "The requested image has been deactivated. Image data download is forbidden.",
            ),
        )
        self.assertEqual(self.get(self.image_id, ADMIN).status, 200)
        self.assertEqual(self.cloud.call("POST", f"{path}/reactivate").status, 204)
        self.assertEqual(self.get(self.image_id).status, 200)
        queued = self.cloud.create()
        self.assertEqual(
            self.cloud.call("POST", f"/v2/images/{queued}/actions/deactivate").body.decode(),
            page("403 Forbidden", "Not allowed to deactivate image in status &#x27;queued&#x27;"),
        )


class ConversionTests(FileCase):
    def setUp(self) -> None:
        super().setUp()
        self.converter = PlainConverter(MemoryBlocks())
        self.cloud = Cloud(self, self.converter)
        self.blocks = self.converter.blocks = self.cloud.blocks
        self.file = qcow2_head(virtual_size=MIB).ljust(4096, b"\0") + b"disk" * 1024

    def test_converted(self) -> None:
        """A qcow2 file boots from a second volume; the download gives the file."""
        image_id = self.cloud.active(data=self.file, disk_format="qcow2")
        image = self.cloud.call("GET", f"/v2/images/{image_id}").json
        self.assertEqual((image["size"], image["virtual_size"]), (8192, 4096))
        self.assertTrue(self.get(image_id).body == self.file)
        with self.cloud.database.engine.connect() as connection:
            disk = bootable(connection, image_id, "project-alice")
        self.assertEqual(self.blocks.volumes[disk.boot_volume].data, b"disk" * 1024)
        self.assertTrue(all(volume.read_only for volume in self.blocks.volumes.values()))
        self.assertEqual((len(self.blocks.volumes), self.loose()), (2, []))
        self.cloud.call("DELETE", f"/v2/images/{image_id}")
        self.assertEqual(self.blocks.volumes, {})

    def test_refused(self) -> None:
        """What can't be converted is told, and leaves nothing."""
        image_id = self.cloud.create(disk_format="qcow2")
        for data, refusal, text in (
            (b"not a qcow2 file", None, "Image is not a qcow2 file"),
            (b"", None, "Image is not a qcow2 file"),
            (qcow2_head(backing_offset=200, backing_size=9), None, "Image has a backing file"),
            (self.file, "It is broken", "It is broken"),
        ):
            self.converter.refusal = refusal
            answer = self.put(image_id, data)
            self.assertEqual(answer.body.decode(), page("400 Bad Request", text))
            self.assertEqual(self.status(image_id), "queued")
            self.assertEqual((self.blocks.volumes, self.loose()), ({}, []))

    def test_other_formats(self) -> None:
        """Formats that are not understood are kept, and don't boot."""
        image_id = self.cloud.active(data=b"iso", disk_format="iso")
        self.assertEqual(self.get(image_id).body, b"iso")
        with self.cloud.database.engine.connect() as connection:
            self.assertRaises(ImageNotBootable, bootable, connection, image_id, "project-alice")


class BootableTests(FileCase):
    def test_bootable(self) -> None:
        """The project's active raw image boots; a queued one and a foreign one don't."""
        image_id = self.cloud.active(data=b"x" * 600, min_ram=64)
        queued = self.cloud.create()
        with self.cloud.database.engine.connect() as connection:
            disk = bootable(connection, image_id, "project-alice")
            self.assertRaises(ImageNotActive, bootable, connection, queued, "project-alice")
            self.assertRaises(ImageNotFound, bootable, connection, image_id, "project-bob")
        self.assertEqual((disk.size, disk.virtual_size, disk.min_ram), (600, 600, 64))
        self.assertIn(disk.boot_volume, self.blocks.volumes)


class StreamsTests(SynchronousTestCase):
    def test_streams(self) -> None:
        """Uploads alone begin before their body is there."""
        self.assertTrue(streams(b"PUT", b"/image/v2/images/abc/file"))
        self.assertTrue(streams(b"PUT", b"/image/v2/images/abc/file?x=1"))
        self.assertFalse(streams(b"POST", b"/image/v2/images/abc/file"))
        self.assertFalse(streams(b"PUT", b"/image/v2/images/abc/tags/file"))
        self.assertFalse(streams(b"PUT", b"/image/v2/images/a/b/file"))


class WrongStatusTests(SynchronousTestCase):
    def test_text(self) -> None:
        """Both statuses are told."""
        self.assertEqual(
            str(WrongStatus("a", "b")), "Image status transition from a to b is not allowed"
        )

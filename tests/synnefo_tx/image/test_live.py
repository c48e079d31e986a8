"""
The image service on a real port, over the storage daemon and qemu-img, used by real clients.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openstack
import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from synnefo_tx.errors import Unavailable
from synnefo_tx.http.streaming import StreamingSite
from synnefo_tx.image import streams
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.image.convert import QemuConverter
from synnefo_tx.image.errors import UnacceptableDisk
from synnefo_tx.image.imports import import_file
from synnefo_tx.image.model import Image, Viewer
from synnefo_tx.image.rows import images
from synnefo_tx.image.sweep import sweep
from synnefo_tx.image.uploads import Uploads
from synnefo_tx.store.database import DatabaseThreads, open_engine
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.store.schema import create_all
from tests.synnefo_tx.cloud_over import cloud_over
from tests.synnefo_tx.image.blocks_contract import asynchronous
from tests.synnefo_tx.image.cloud import ALICE, NOW, authenticate
from tests.synnefo_tx.image.qcow2_files import qcow2_head
from tests.synnefo_tx.image.storage import Storage, storage

MIB = 1024 * 1024


class Keystone(Resource):
    """
    Gives everybody ALICE's token and a catalog with the image service alone.
    """

    isLeaf = True

    def __init__(self, root: str) -> None:
        super().__init__()
        self.root = root

    def render_GET(self, request: Any) -> bytes:
        """The version document."""
        request.setHeader("content-type", "application/json")
        links = [{"rel": "self", "href": f"{self.root}/identity/v3/"}]
        version = {"id": "v3.14", "status": "stable", "links": links, "media-types": []}
        return json.dumps({"version": version}).encode()

    def render_POST(self, request: Any) -> bytes:
        """A token."""
        request.setResponseCode(201)
        request.setHeader("content-type", "application/json")
        request.setHeader("x-subject-token", ALICE)
        domain = {"id": "default", "name": "Default"}
        endpoint = {"interface": "public", "region": "RegionOne", "region_id": "RegionOne"}
        service = {"id": "s", "type": "image", "name": "glance"}
        token = {
            "methods": ["password"],
            "user": {"id": ALICE, "name": ALICE, "domain": domain, "password_expires_at": None},
            "project": {"id": "project-alice", "name": "p", "domain": domain},
            "roles": [{"id": "r", "name": "member"}],
            "audit_ids": ["a"],
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "expires_at": "2046-01-01T00:00:00.000000Z",
            "catalog": [{**service, "endpoints": [{**endpoint, "url": f"{self.root}/image"}]}],
        }
        return json.dumps({"token": token}).encode()


class LiveCase(TestCase):
    timeout = 120

    def setUp(self) -> None:
        self.blocks = storage().client(self, reactor)
        self.converter = QemuConverter(reactor, storage().nbd_socket)
        url = f"sqlite:///{Path(self.mktemp()).absolute()}"
        create_all(open_engine(url))
        threads = DatabaseThreads(reactor, url)
        self.database = threads.start()
        self.addCleanup(threads.stop)
        cloud = cloud_over(self.database, authenticate, lambda: NOW, blocks=self.blocks)
        router = image_router(cloud, self.converter)
        root = Resource()
        root.putChild(b"image", router.resource())
        site = StreamingSite(root, streams, reactor)
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)
        self.root_url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.url = f"{self.root_url}/image"
        root.putChild(b"identity", Keystone(self.root_url))

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {"X-Auth-Token": ALICE, **arguments.pop("headers", {})}
        response = await treq.request(
            method, self.url + path, headers=headers, persistent=False, **arguments
        )
        return response.code, await response.content()

    async def create(self, disk_format: str = "raw") -> str:
        body = {"name": "i", "disk_format": disk_format, "container_format": "bare"}
        response = await treq.post(
            f"{self.url}/v2/images", json=body, headers={"X-Auth-Token": ALICE}, persistent=False
        )
        image: dict[str, Any] = await response.json()
        return str(image["id"])

    async def put(self, image_id: str, data: Any) -> tuple[int, bytes]:
        code, body = await self.call(
            "PUT",
            f"/v2/images/{image_id}/file",
            data=data,
            headers={"Content-Type": "application/octet-stream"},
        )
        return code, body

    async def image(self, image_id: str) -> Any:
        return await self.database.read(images.get, image_id, Viewer("project-alice"))

    async def until(self, image_id: str, status: str) -> None:
        for _ in range(400):
            if (await self.image(image_id)).status == status:
                return
            await deferLater(reactor, 0.025, lambda: None)
        self.fail(f"image {image_id} is not {status}")

    async def volumes(self) -> list[str]:
        return [volume.name for volume in await self.blocks.list()]


class StreamTests(LiveCase):
    @asynchronous
    async def test_up_and_down(self) -> None:
        """Some pieces, and a bit, up and down; the volume on disk has them sealed."""
        data = os.urandom(13 * MIB + 77)
        image_id = await self.create()
        self.assertEqual(await self.put(image_id, data), (204, b""))
        code, body = await self.call("GET", f"/v2/images/{image_id}/file")
        self.assertEqual(code, 200)
        self.assertTrue(body == data)
        (name,) = await self.volumes()
        info = await self.blocks.info(name)
        self.assertEqual((info.size_bytes, info.read_only), (13 * MIB + 512, True))

    @asynchronous
    async def test_chunked(self) -> None:
        """A body without a length, in chunks."""
        data = os.urandom(5 * MIB + 3)
        image_id = await self.create()
        path = Path(self.mktemp())
        path.write_bytes(data)
        command = (
            *("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T", "-"),
            *("-H", f"X-Auth-Token: {ALICE}", "-H", "Content-Type: application/octet-stream"),
            f"{self.url}/v2/images/{image_id}/file",
        )
        with path.open("rb") as file:
            done = await deferToThread(
                subprocess.run, command, stdin=file, stdout=subprocess.PIPE, check=True
            )
        self.assertEqual(done.stdout, b"204")
        _code, body = await self.call("GET", f"/v2/images/{image_id}/file")
        self.assertTrue(body == data)

    @asynchronous
    async def test_cut(self) -> None:
        """A client that hangs up midway leaves a queued image, nothing to read, no volume."""
        image_id = await self.create()
        where = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port)
        client = await where.connect(Factory.forProtocol(Protocol))
        client.transport.write(
            f"PUT /image/v2/images/{image_id}/file HTTP/1.1\r\nHost: x\r\n"
            f"X-Auth-Token: {ALICE}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {20 * MIB}\r\n\r\n".encode()
            + os.urandom(9 * MIB)
        )
        await self.until(image_id, "saving")
        while not await self.volumes():
            await deferLater(reactor, 0.01, lambda: None)
        code, body = await self.call("GET", f"/v2/images/{image_id}/file")
        self.assertEqual((code, body), (204, b""))
        client.transport.abortConnection()
        await self.until(image_id, "queued")
        while await self.volumes():
            await deferLater(reactor, 0.01, lambda: None)
        self.assertEqual(await self.put(image_id, b"again"), (204, b""))

    @asynchronous
    async def test_two_at_once(self) -> None:
        """Of two uploads to one image, one gets 409, and the image has the other's bytes."""
        image_id = await self.create()
        first = Deferred.fromCoroutine(self.put(image_id, b"1" * 6 * MIB))
        second = Deferred.fromCoroutine(self.put(image_id, b"2" * 6 * MIB))
        codes = ((await first)[0], (await second)[0])
        self.assertEqual(set(codes), {204, 409})
        _, body = await self.call("GET", f"/v2/images/{image_id}/file")
        self.assertTrue(body == (b"1" if codes[0] == 204 else b"2") * 6 * MIB)
        self.assertEqual(len(await self.volumes()), 1)

    @asynchronous
    async def test_import_file(self) -> None:
        """A local file becomes an image, once, however often it is brought in."""
        path = Path(self.mktemp())
        data = os.urandom(5 * MIB)
        path.write_bytes(data)
        ids = [
            await import_file(
                *(self.database, self.blocks, path, "test", "p", "public", "raw", NOW),
                properties={"os_distro": "debian"},
            )
            for _ in range(2)
        ]
        self.assertEqual(ids[0], ids[1])
        image = await self.image(ids[0])
        self.assertEqual(
            (image.status, image.size, image.visibility), ("active", 5 * MIB, "public")
        )
        self.assertEqual(image.properties, {"os_distro": "debian"})
        self.assertTrue(await self.blocks.read(image.boot_volume, MIB, MIB) == data[MIB : 2 * MIB])
        self.assertEqual(len(await self.volumes()), 1)


class StorageKilledTests(TestCase):
    timeout = 120

    @asynchronous
    async def test_killed_during_an_upload(self) -> None:
        """kill -9 of storage ends the upload with 503's error; once it is back, nothing is left."""
        daemon = Storage()
        self.addCleanup(daemon.stop)
        daemon.start()
        blocks = daemon.client(self, reactor)
        database = immediate_database(Path(self.mktemp()))
        self.addCleanup(database.engine.dispose)
        image = Image(
            id="i",
            name="n",
            owner="p",
            disk_format="raw",
            container_format="bare",
            properties={},
            created_at=1,
            updated_at=1,
        )
        await database.write(images.add, image)
        pieces = iter(range(12))

        async def read() -> bytes:
            piece = next(pieces, None)
            if piece == 6:
                daemon.kill()
            return b"" if piece is None else os.urandom(2 * MIB)

        uploads = Uploads(database, blocks, None, lambda: NOW)
        with self.assertRaises(Unavailable):
            await uploads.receive("i", Viewer("p"), read)
        self.assertEqual((await database.read(images.get, "i", Viewer("p"))).status, "queued")
        self.assertEqual(len(await sweep(database, blocks, NOW)), 2)  # it can't reach storage
        daemon.start()
        self.assertEqual(len(await blocks.list()), 1)
        self.assertEqual(await sweep(database, blocks, NOW), [])
        self.assertEqual(await blocks.list(), [])


def qemu_img(*arguments: str) -> None:
    """
    Run it, and fail with what it says.
    """
    done = subprocess.run(["qemu-img", *arguments], capture_output=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr.decode())


class ConversionTests(LiveCase):
    def file(self, *arguments: str) -> bytes:
        """
        A new qcow2 file by qemu-img create.
        """
        path = Path(self.mktemp())
        qemu_img("create", "-q", "-f", "qcow2", *arguments[:-1], str(path), arguments[-1])
        return path.read_bytes()

    @asynchronous
    async def test_qcow2(self) -> None:
        """A compressed qcow2 file becomes a sealed disk, byte for byte; the file is kept."""
        raw, packed = Path(self.mktemp()), Path(self.mktemp())
        disk = os.urandom(3 * MIB) + bytes(20 * MIB) + b"end".ljust(MIB, b".") + os.urandom(512)
        raw.write_bytes(disk)
        qemu_img("convert", "-c", "-f", "raw", "-O", "qcow2", str(raw), str(packed))
        image_id = await self.create("qcow2")
        self.assertEqual(await self.put(image_id, packed.read_bytes()), (204, b""))
        image = await self.image(image_id)
        self.assertEqual((image.status, image.virtual_size), ("active", len(disk)))
        self.assertEqual(image.size, packed.stat().st_size)
        self.assertNotEqual(image.boot_volume, image.file_volume)
        info = await self.blocks.info(image.boot_volume)
        self.assertEqual((info.size_bytes, info.read_only), (len(disk), True))
        for start in range(0, len(disk), 4 * MIB):
            piece = disk[start : start + 4 * MIB]
            got = await self.blocks.read(image.boot_volume, start, len(piece))
            self.assertTrue(got == piece, start)
        _, body = await self.call("GET", f"/v2/images/{image_id}/file")
        self.assertTrue(body == packed.read_bytes())
        await self.blocks.clone(image.boot_volume, "disk-of-a-server")
        code, _ = await self.call("DELETE", f"/v2/images/{image_id}")
        self.assertEqual((code, await self.volumes()), (204, ["disk-of-a-server"]))

    @asynchronous
    async def test_small_file(self) -> None:
        """An empty qcow2 disk: its file ends in the middle of a cluster."""
        image_id = await self.create("qcow2")
        self.assertEqual((await self.put(image_id, self.file("100M")))[0], 204)
        image = await self.image(image_id)
        self.assertEqual(image.virtual_size, 100 * MIB)
        self.assertEqual(await self.blocks.read(image.boot_volume, 99 * MIB, MIB), bytes(MIB))

    @asynchronous
    async def test_hostile_files(self) -> None:
        """What points outside itself, or is locked, broken or huge, is told and leaves nothing."""
        base = Path(self.mktemp()).absolute()
        qemu_img("create", "-q", "-f", "raw", str(base), "1M")
        secret = ("--object", "secret,id=s,data=x")
        image_id = await self.create("qcow2")
        for data, reason in (
            (self.file("-b", str(base), "-F", "raw", "1M"), "Image has a backing file"),
            (self.file("-o", f"data_file={base}", "1M"), "Image has an external data file"),
            (
                self.file(*secret, "-o", "encrypt.format=luks,encrypt.key-secret=s", "1M"),
                "Image is encrypted",
            ),
            (b"MZ" * 1000, "Image is not a qcow2 file"),
            (
                qcow2_head() + os.urandom(200_000),
                "Image could not be read as a disk of its format",
            ),
            (
                self.file("20T"),
                (
                    "Image has a virtual size of 21990232555520 bytes, and at most 17592186044416 "
                    "are taken"
                ),
            ),
        ):
            code, body = await self.put(image_id, data)
            self.assertEqual((code, reason.encode() in body), (400, True), body)
            self.assertEqual((await self.image(image_id)).status, "queued")
            self.assertEqual(await self.volumes(), [])

    @asynchronous
    async def test_overtime(self) -> None:
        """A conversion that takes too long is killed."""
        await self.blocks.create("source", MIB)
        await self.blocks.write("source", 0, self.file("1M")[:MIB])
        await self.blocks.create("target", MIB)
        hasty = QemuConverter(reactor, storage().nbd_socket, convert_timeout_s=0.0)
        with self.assertRaises(UnacceptableDisk) as caught:
            await hasty.convert("source", "qcow2", "target")
        self.assertIn("within 0 seconds", str(caught.exception))

    @asynchronous
    async def test_no_storage(self) -> None:
        """When the NBD socket is away it is no fault of the image."""
        lost = QemuConverter(reactor, "/nonexistent/nbd.sock")
        with self.assertRaises(Unavailable):
            await lost.virtual_size("source", "qcow2")


class ClientTests(LiveCase):
    """openstacksdk and the openstack command."""

    def setUp(self) -> None:
        super().setUp()
        self.path = Path(self.mktemp()).absolute()
        self.data = os.urandom(6 * MIB + 11)
        self.path.write_bytes(self.data)

    def login(self) -> dict[str, str]:
        """
        What every client is told.
        """
        return {
            "auth_url": f"{self.root_url}/identity/v3",
            "username": ALICE,
            "password": "p",
            "project_name": "p",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }

    @asynchronous
    async def test_sdk(self) -> None:
        """Create with a file, find, list, change, download, delete."""
        await deferToThread(self.use_sdk)
        await deferLater(reactor, 0.1, lambda: None)  # until the server has seen that
        self.assertEqual(await self.volumes(), [])

    def use_sdk(self) -> None:
        cloud = openstack.connect(
            load_yaml_config=False, load_envvars=False, region_name="RegionOne", **self.login()
        )
        cloud.session.additional_headers["Connection"] = "close"  # none is left open then
        self.use_images(cloud.image)

    def use_images(self, glance: Any) -> None:
        image = glance.create_image(
            "from-sdk",
            filename=str(self.path),
            disk_format="raw",
            container_format="bare",
            wait=True,
            timeout=60,
            os_distro="debian",
        )
        found = glance.find_image("from-sdk", ignore_missing=False)
        self.assertEqual((found.id, found.status, found.size), (image.id, "active", len(self.data)))
        self.assertEqual(found.os_distro, "debian")
        self.assertEqual(found.properties["owner_specified.openstack.object"], "images/from-sdk")
        self.assertEqual(glance.download_image(found).content, self.data)
        for number in range(5):
            glance.create_image(f"n{number}", disk_format="raw", container_format="bare")
        listed = [each.name for each in glance.images(limit=2, sort="name:asc")]
        self.assertEqual(listed, ["from-sdk", *(f"n{number}" for number in range(5))])
        glance.update_image(found, name="renamed", min_disk=2)
        glance.add_tag(found, "a-tag")
        again = glance.get_image(found.id)
        self.assertEqual((again.name, again.min_disk, again.tags), ("renamed", 2, ["a-tag"]))
        glance.deactivate_image(again)
        self.assertEqual(glance.get_image(again).status, "deactivated")
        for each in list(glance.images()):
            glance.delete_image(each)
        self.assertIsNone(glance.find_image(found.id, ignore_missing=True))
        with self.assertRaises(openstack.exceptions.NotFoundException) as caught:
            glance.get_image(found.id)
        self.assertIn(f"No image found with ID {found.id}", str(caught.exception))

    @asynchronous
    async def test_command(self) -> None:
        """openstack image create --file, list, show, save, set, delete."""
        saved = Path(self.mktemp()).absolute()
        await self.openstack(
            *(
                "create",
                "--file",
                str(self.path),
                "--disk-format",
                "raw",
                "--property",
                "a=b",
                "cli",
            )
        )
        self.assertIn("cli,active", await self.openstack("list", "-f", "csv", "--quote", "minimal"))
        await self.openstack("save", "--file", str(saved), "cli")
        self.assertTrue(saved.read_bytes() == self.data)
        await self.openstack("set", "--name", "other", "--tag", "t", "cli")
        shown = await self.openstack("show", "other", "-f", "value", "-c", "tags", "-c", "size")
        self.assertEqual(shown.split(), [str(len(self.data)), "['t']"])
        await self.openstack("delete", "other")
        self.assertEqual(await self.volumes(), [])

    async def openstack(self, *arguments: str) -> str:
        command = [
            str(Path(sys.executable).with_name("openstack")),
            *("image", *arguments),
        ]
        clean = {name: text for name, text in os.environ.items() if not name.startswith("OS_")}
        clean |= {f"OS_{name.upper()}": text for name, text in self.login().items()}
        done = await deferToThread(
            subprocess.run, command, capture_output=True, check=False, env=clean
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return str(done.stdout.decode())

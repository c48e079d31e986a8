"""
Client and server of the block protocol, over a unix socket.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory, Protocol

from archipelagod.wire import operations as op
from archipelagod.wire.errors import (
    BadRequest,
    NoSuchVolume,
    NotAuthenticated,
    NotReadOnly,
    OutOfRange,
    ReadOnlyVolume,
    StorageError,
    StorageUnavailable,
    TooSmall,
    VolumeExists,
)
from archipelagod.wire.frames import ERROR, REQUEST, Frame, FrameDecoder, encode
from tests.archipelagod.running import MIB, StorageCase, reactor


async def refused(kind: type[StorageError], awaitable: Any) -> str:
    """What storage said when it refused."""
    try:
        await awaitable
    except kind as error:
        return str(error)
    raise AssertionError(f"not refused with {kind.__name__}")


class BlockClientTests(StorageCase):
    """BlockClient with a daemon in this process."""

    async def _started(self) -> Any:
        await self.serve(store="memory", datapath="inline")
        return self.client()

    async def test_create_and_use(self) -> None:
        """A new volume is zeros; what is written is read."""
        client = await self._started()
        await client.create("v", 10 * MIB)
        self.assertEqual(await client.read("v", 0, 8), bytes(8))
        await client.write("v", 4 * MIB - 3, b"across", fua=True)
        await client.flush("v")
        self.assertEqual(await client.read("v", 4 * MIB - 4, 8), b"\0across\0")

    async def test_info(self) -> None:
        """What is told of a volume is true."""
        client = await self._started()
        before_s = time.time()
        await client.create("v", 10 * MIB)
        await client.write("v", 0, b"x")
        await client.seal("v")
        info = await client.info("v")
        self.assertEqual(
            (info.name, info.size_bytes, info.read_only, info.own_bytes, info.connections),
            ("v", 10 * MIB, True, 4 * MIB, 0),
        )
        self.assertTrue(before_s <= info.created_at <= time.time())

    async def test_image_and_clone(self) -> None:
        """An image is written, sealed and cloned; both ways nothing shows through."""
        client = await self._started()
        await client.create("image", MIB)
        await client.write("image", 0, b"image")
        await refused(NotReadOnly, client.clone("image", "disk"))
        await client.seal("image")
        await client.seal("image")
        await client.clone("image", "disk", 2 * MIB)
        await client.write("disk", 0, b"IM")
        self.assertEqual(await client.read("disk", 0, 5), b"IMage")
        self.assertEqual(await client.read("image", 0, 5), b"image")
        await refused(ReadOnlyVolume, client.write("image", 0, b"x"))
        await client.delete("image")
        self.assertEqual(await client.read("disk", 0, 5), b"IMage")

    async def test_snapshot(self) -> None:
        """A snapshot stays as it was."""
        client = await self._started()
        await client.create("v", MIB)
        await client.write("v", 0, b"old")
        await client.snapshot("v", "s")
        await client.write("v", 0, b"new")
        self.assertEqual(await client.read("s", 0, 3), b"old")
        self.assertTrue((await client.info("s")).read_only)

    async def test_rename_and_resize(self) -> None:
        """A volume changes its name and its size; what was cut off reads as zeros."""
        client = await self._started()
        await client.create("v", MIB)
        await client.write("v", 1000, b"secret")
        await client.rename("v", "w")
        await refused(NoSuchVolume, client.info("v"))
        await client.resize("w", 1003)
        await client.resize("w", 2 * MIB)
        self.assertEqual(await client.read("w", 1000, 6), b"sec\0\0\0")

    async def test_list(self) -> None:
        """Volumes are listed by name, in pages, by prefix."""
        client = await self._started()
        for name in ("b", "a", "snf-2", "snf-1", "c"):
            await client.create(name, 1)

        async def names(*arguments: Any) -> list[str]:
            return [info.name for info in await client.list(*arguments)]

        self.assertEqual(await names(), ["a", "b", "c", "snf-1", "snf-2"])
        self.assertEqual(await names("", 2), ["a", "b"])
        self.assertEqual(await names("b", 2), ["c", "snf-1"])
        self.assertEqual(await names("", 1000, "snf-"), ["snf-1", "snf-2"])
        self.assertEqual(await names("snf-1", 1000, "snf-"), ["snf-2"])

    async def test_refusals(self) -> None:
        """Every refusal is the error that the client's documentation names."""
        client = await self._started()
        await client.create("v", MIB)
        await client.create("s", MIB)
        await client.seal("s")
        await refused(VolumeExists, client.create("v", MIB))
        await refused(VolumeExists, client.clone("s", "v"))
        await refused(VolumeExists, client.snapshot("v", "s"))
        await refused(VolumeExists, client.rename("v", "s"))
        await refused(TooSmall, client.clone("s", "w", MIB - 1))
        await refused(ReadOnlyVolume, client.resize("s", MIB))
        await refused(OutOfRange, client.create("w", 0))
        await refused(OutOfRange, client.create("w", 1 << 60))
        await refused(OutOfRange, client.read("v", MIB - 1, 2))
        await refused(OutOfRange, client.write("v", MIB, b"x"))
        await refused(OutOfRange, client.write("v", -1, b"x"))
        await refused(OutOfRange, client.read("v", 0, 5 * MIB))
        await refused(OutOfRange, client.write("v", 0, bytes(5 * MIB)))
        for name in ("", "a/b", "..", ".", "x" * 121, "ü"):
            await refused(BadRequest, client.create(name, 1))
            await refused(BadRequest, client.delete(name))
        for call in (
            client.delete("w"),
            client.read("w", 0, 1),
            client.flush("w"),
            client.seal("w"),
            client.info("w"),
            client.snapshot("w", "x"),
            client.clone("w", "x"),
            client.resize("w", 1),
            client.rename("w", "x"),
        ):
            await refused(NoSuchVolume, call)

    async def test_pipelined(self) -> None:
        """Many requests at once, more than the window, all come right."""
        client = await self._started()
        await client.create("v", 10 * MIB)
        writes = [
            Deferred.fromCoroutine(client.write("v", 40000 * number, b"%04d" % number))
            for number in range(200)
        ]
        await gatherResults(writes)
        reads = [
            Deferred.fromCoroutine(client.read("v", 40000 * number, 4)) for number in range(200)
        ]
        self.assertEqual(await gatherResults(reads), [b"%04d" % number for number in range(200)])

    async def test_largest(self) -> None:
        """4 MiB at a time."""
        client = await self._started()
        await client.create("v", 8 * MIB)
        data = bytes(range(256)) * (4 * MIB // 256)
        await client.write("v", MIB, data)
        self.assertEqual(await client.read("v", MIB, 4 * MIB), data)

    async def test_wrong_secret(self) -> None:
        """Who doesn't know the secret is told so, and does nothing."""
        client = await self._started()
        stranger = self.client(b"guess" * 5)
        await refused(NotAuthenticated, stranger.create("v", MIB))
        self.assertEqual(await client.list(), [])

    async def test_no_daemon(self) -> None:
        """Without a daemon storage is unavailable; once it is there the same client works."""
        self.secret_file = f"{self.directory}/secret"
        client = self.client()
        await refused(StorageUnavailable, client.list())
        await self.serve(store="memory", datapath="inline")
        self.assertEqual(await client.list(), [])

    async def test_connection_lost(self) -> None:
        """A lost connection fails what is asked, and is made anew for the next."""
        client = await self._started()
        self.assertEqual(await client.list(), [])
        client._link.transport.loseConnection()
        await refused(StorageUnavailable, client.list())
        self.assertEqual(await client.list(), [])

    async def test_silent_server(self) -> None:
        """A server that accepts and says nothing is given up after the timeout."""
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(f"{self.directory}/wire")
        listening.listen(1)
        client = self.client(timeout_s=0.2)
        self.assertIn("0.2", await refused(StorageUnavailable, client.list()))

    async def test_impostor(self) -> None:
        """A server that doesn't know the secret is not talked to."""
        await self._started()
        self.assertEqual(await self.client().list(), [])
        self.wire = f"unix:{self.directory}/other"
        port = await self._impostor()
        self.addCleanup(port.stopListening)
        await refused(NotAuthenticated, self.client().list())

    async def _impostor(self) -> Any:
        from archipelagod.wire.server import BlockFactory

        return reactor.listenUNIX(
            f"{self.directory}/other", BlockFactory(reactor, b"another secret", None)
        )


class Raw(Protocol):
    """
    A client that sends what it is told.
    """

    def __init__(self) -> None:
        self.received = b""
        self.ended: Deferred[list[Frame]] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        """See Protocol."""
        self.ended.callback(list(FrameDecoder().feed(self.received)))


class BrokenClientTests(StorageCase):
    """Clients that don't keep to the grammar."""

    async def _answer_to(self, *sent: bytes) -> list[Frame]:
        await self.serve(store="memory", datapath="inline")
        endpoint = clientFromString(reactor, self.wire)
        raw: Raw = await endpoint.connect(Factory.forProtocol(Raw))  # type: ignore[assignment]
        for data in sent:
            raw.transport.write(data)  # type: ignore[union-attr]
        return await raw.ended

    async def test_garbage(self) -> None:
        """Garbage gets an error frame, then the end."""
        found = await self._answer_to(b"GET / HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n")
        self.assertEqual([(f.kind, f.status) for f in found], [(ERROR, BadRequest.status)])

    async def test_no_hello(self) -> None:
        """Nothing is done before HELLO."""
        found = await self._answer_to(encode(Frame(REQUEST, op.LIST, 1)))
        self.assertEqual([(f.kind, f.status) for f in found], [(ERROR, NotAuthenticated.status)])

    async def test_large_before_hello(self) -> None:
        """Strangers can't make the daemon hold much."""
        found = await self._answer_to(encode(Frame(REQUEST, op.HELLO, 1, data=bytes(1000)))[:48])
        self.assertEqual([f.kind for f in found], [ERROR])

    async def test_wrong_proof(self) -> None:
        """A wrong proof is refused."""
        from archipelagod.wire.handshake import hello

        found = await self._answer_to(
            encode(Frame(REQUEST, op.HELLO, 1, data=hello(2, bytes(32)))),
            encode(Frame(REQUEST, op.AUTHENTICATE, 2, data=bytes(32))),
            encode(Frame(REQUEST, op.CREATE, 3, target="v", size=1)),
        )
        self.assertEqual(found[-1].status, NotAuthenticated.status)
        self.assertEqual(await self.client().list(), [])

    async def test_other_version(self) -> None:
        """A client that speaks only another version is told so."""
        from archipelagod.wire.handshake import hello

        found = await self._answer_to(encode(Frame(REQUEST, op.HELLO, 1, data=hello(3, bytes(32)))))
        self.assertEqual([f.kind for f in found], [ERROR])
        self.assertIn(b"version", found[0].data)

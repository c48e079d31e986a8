"""
Connections of the Twisted client, good and bad.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from archipelagod.wire import handshake
from archipelagod.wire import operations as op
from archipelagod.wire.errors import (
    BadRequest,
    NotAuthenticated,
    StorageError,
    StorageUnavailable,
    VolumeBusy,
)
from archipelagod.wire.frames import PROGRESS, REPLY, Frame, FrameDecoder, encode
from archipelagod.wire.server import BlockFactory
from tests.archipelagod.wire.client_contract import MIB, refused
from tests.archipelagod.wire.serving import SECRET, WireCase, reactor


class ConnectionTests(WireCase):
    """BlockClient with servers that come, go, or are not what they seem."""

    async def test_wrong_secret(self) -> None:
        """Who doesn't know the secret is told so, and does nothing."""
        client = await self.started()
        stranger = self.client(b"guess" * 5)
        await refused(NotAuthenticated, stranger.create("v", MIB))
        self.assertEqual(await client.list(), [])

    async def test_no_daemon(self) -> None:
        """Without a daemon storage is unavailable; once it is there the same client works."""
        client = self.client()
        await refused(StorageUnavailable, client.list())
        await self.serve()
        self.assertEqual(await client.list(), [])

    async def test_connection_lost(self) -> None:
        """A lost connection fails what is asked, and is made anew for the next."""
        client = await self.started()
        link = await client._dialler.shared()
        link.transport.loseConnection()  # type: ignore[union-attr]
        await refused(StorageUnavailable, client.list())
        self.assertEqual(await client.list(), [])

    async def test_data_connection_lost(self) -> None:
        """A lost data connection fails what is asked of it, then and later."""
        client = await self.started()
        await client.create("v", MIB)
        volume = await client.open("v")
        volume._link.transport.loseConnection()  # type: ignore[union-attr]
        await refused(StorageUnavailable, volume.read(0, 1))
        await refused(StorageUnavailable, volume.read(0, 1))
        await volume.close()

    async def test_silent_server(self) -> None:
        """A server that accepts and says nothing is given up after the timeout."""
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(f"{self.directory}/wire")
        listening.listen(1)
        client = self.client(timeout_s=0.2)
        self.assertIn("0.2", await refused(StorageUnavailable, client.list()))
        self.assertIn("0.2", await refused(StorageUnavailable, client.gc()))

    async def test_impostor(self) -> None:
        """A server that doesn't know the secret is not talked to."""
        port = reactor.listenUNIX(
            f"{self.directory}/wire", BlockFactory(reactor, b"another secret", self.volumes)
        )
        self.addCleanup(port.stopListening)
        await refused(NotAuthenticated, self.client().list())

    async def test_released(self) -> None:
        """What a connection acquired is released when it ends."""
        client = await self.started()
        await client.create("v", MIB)
        await client.acquire("v")
        self.assertEqual(self.volumes.acquired, {"v": 1})
        await client.close()
        await deferLater(reactor, 0.05)
        self.assertEqual(self.volumes.acquired, {"v": 0})

    async def test_owners(self) -> None:
        """Two clients of one process are two owners: each says which it is."""
        client = await self.started()
        await client.create("v", MIB)
        first = await client.open("v")
        await refused(VolumeBusy, self.client().open("v"))
        again = await client.open("v")
        await first.close()
        await again.close()

    async def test_many_hashes(self) -> None:
        """More hashes than fit a frame make a volume all the same."""
        client = await self.started()
        key = await client.put_block(b"")
        count = op.MAX_HASHES + 3
        await client.create_from_hashes("v", count * 4 * MIB, [key] * count)
        self.assertEqual((await client.info("v")).size_bytes, count * 4 * MIB)
        self.assertEqual(await client.have_blocks([key] * count), [])


class ScriptedServer(Protocol):
    """
    A server that knows the secret and answers the first request with ``script``.
    """

    def __init__(self, script: Any) -> None:
        self.script = script
        self.decoder = FrameDecoder()

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        for frame in self.decoder.feed(data):
            for answer in self.answers(frame):
                self.transport.write(encode(answer))  # type: ignore[union-attr]

    def answers(self, frame: Frame) -> list[Frame]:
        """What is sent for a frame."""
        if frame.operation == op.HELLO:
            data = handshake.greet(SECRET, frame.data, bytes(32)).data
            return [Frame(REPLY, op.HELLO, frame.serial, data=data)]
        if frame.operation == op.AUTHENTICATE:
            return [Frame(REPLY, op.AUTHENTICATE, frame.serial)]
        found: list[Frame] = self.script(frame)
        return found


class BrokenServerTests(WireCase):
    """BlockClient with servers that don't keep to the protocol."""

    async def scripted(self, script: Any) -> Any:
        """A client of such a server."""
        factory = Factory.forProtocol(lambda: ScriptedServer(script))
        port = reactor.listenUNIX(f"{self.directory}/wire", factory)
        self.addCleanup(port.stopListening)
        return self.client(timeout_s=1.0)

    async def test_nonsense(self) -> None:
        """Replies that make no sense are StorageUnavailable, whatever was asked."""
        client = await self.scripted(
            lambda frame: [Frame(REPLY, frame.operation, frame.serial, data=b"[nonsense")]
        )
        for asked in (
            client.info("v"),
            client.list(),
            client.read("v", 0, 1),
            client.hash("v"),
            client.mapr("v", 0, 1),
            client.have_blocks(["00" * 32]),
            client.put_block(b""),
            client.statistics(),
            client.gc(),
        ):
            await refused(StorageUnavailable, asked)

    async def test_endless_map(self) -> None:
        """A map that goes on where it began is refused."""
        client = await self.scripted(
            lambda frame: [Frame(REPLY, frame.operation, frame.serial, op.FLAG_MORE, offset=5)]
        )
        await refused(StorageUnavailable, client.mapr("v", 5, 10))

    async def test_other_reply(self) -> None:
        """A reply to something else ends the connection."""
        for change in ((1, 0), (0, 1)):
            client = await self.scripted(
                lambda frame, change=change: [
                    Frame(REPLY, frame.operation + change[0], frame.serial + change[1])
                ]
            )
            await refused(StorageUnavailable, client.flush("v"))
            return

    async def test_progress(self) -> None:
        """News of a long operation is told, and keeps its timeout away."""
        told: list[tuple[int, int]] = []
        server: list[Any] = []

        def script(frame: Frame) -> list[Frame]:
            def news(done: int) -> None:
                kind = REPLY if done == 8 else PROGRESS
                data = b"{}" if done == 8 else b""
                answer = Frame(kind, op.GC, frame.serial, size=done, offset=9, data=data)
                server[0].transport.write(encode(answer))

            for done in range(9):
                reactor.callLater(0.1 * done, news, done)
            return []

        def protocol() -> ScriptedServer:
            server.append(ScriptedServer(script))
            return server[0]  # type: ignore[no-any-return]

        port = reactor.listenUNIX(f"{self.directory}/wire", Factory.forProtocol(protocol))
        self.addCleanup(port.stopListening)
        client = self.client(timeout_s=0.4)
        await client.gc(lambda done, total: told.append((done, total)))
        self.assertEqual(told, [(done, 9) for done in range(8)])

    async def test_timeout_leaves_the_rest(self) -> None:
        """A request that timed out does not harm the others, nor its late reply."""
        held: list[Frame] = []

        def script(frame: Frame) -> list[Frame]:
            held.append(frame)
            if len(held) < 3:
                return []
            return [Frame(REPLY, each.operation, each.serial) for each in held]

        client = await self.scripted(script)
        client._asking._timeout_s = 0.2
        first = [Deferred.fromCoroutine(client.flush("v")) for _ in range(2)]
        outcomes = await DeferredList(first, consumeErrors=True)
        self.assertEqual([is_done for is_done, _ in outcomes], [False, False])
        await client.flush("v")

    async def test_refusal_of_a_stranger_status(self) -> None:
        """A status that we don't know is a StorageError."""
        client = await self.scripted(
            lambda frame: [Frame(REPLY, frame.operation, frame.serial, status=999, data=b"why")]
        )
        self.assertEqual(await refused(StorageError, client.flush("v")), "why")

    async def test_bad_request(self) -> None:
        """A refusal is raised as what it is."""
        client = await self.scripted(
            lambda frame: [Frame(REPLY, frame.operation, frame.serial, status=12, data=b"why")]
        )
        self.assertEqual(await refused(BadRequest, client.flush("v")), "why")

"""
TLS on the block protocol's TCP, for both clients.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.threads import deferToThread

from archipelagod.client.blocking import BlockingClient
from archipelagod.service import build_service, shared_secret
from archipelagod.wire import connection
from archipelagod.wire.client import BlockClient
from archipelagod.wire.errors import NotAuthenticated, StorageUnavailable
from archipelagod.wire.listening import endpoint_at
from archipelagod.wire.server import BlockFactory
from tests.archipelagod.client.threaded import Threaded
from tests.archipelagod.nbd.certificates import Authority
from tests.archipelagod.running import StorageCase, until
from tests.archipelagod.wire.client_contract import MIB, DataContract, VolumeContract, refused
from tests.archipelagod.wire.serving import SECRET, WireCase, reactor


class TlsCase(WireCase):
    """
    Serves with a certificate for localhost, made on the fly.
    """

    def setUp(self) -> None:
        """An authority."""
        super().setUp()
        self.authority = Authority(f"{self.directory}/ours")

    async def listen(self, more: str = "") -> int:
        """A server; its port."""
        text = (
            f"ssl:0:interface=127.0.0.1:privateKey={self.authority.path('server-key')}"
            f":certKey={self.authority.path('server-cert')}{more}"
        )
        factory = BlockFactory(reactor, SECRET, self.volumes)
        port = await endpoint_at(reactor, text).listen(factory)
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    async def started(self) -> Any:
        """A client of a server."""
        port = await self.listen()
        self.wire = f"ssl:localhost:{port}:ca={self.authority.path('ca-cert')}"
        return self.client()

    def shown(self, authority: Authority) -> str:
        """A client's certificate, as an endpoint says it."""
        certificate, key = authority.path("client-cert"), authority.path("client-key")
        return f":certificate={certificate}:key={key}"

    def both(self, endpoint: str) -> list[Any]:
        """A client of either kind."""
        clients: list[Any] = [
            BlockClient(reactor, endpoint, SECRET, 5.0),
            Threaded(BlockingClient(endpoint, SECRET, 5.0)),
        ]
        self.clients += clients
        return clients


class TwistedTlsTests(VolumeContract, DataContract, TlsCase):
    """BlockClient over TLS; data connections are relayed."""


class BlockingTlsTests(VolumeContract, DataContract, TlsCase):
    """BlockingClient over TLS."""

    def client(self, secret: bytes = SECRET, timeout_s: float = 30.0) -> Any:
        """A client, in threads."""
        client: Any = Threaded(BlockingClient(self.wire, secret, timeout_s))
        self.clients.append(client)
        return client


class VerificationTests(TlsCase):
    """Who talks to whom."""

    async def test_foreign_server(self) -> None:
        """A server that our authority did not sign is not talked to."""
        port = await self.listen()
        other = Authority(f"{self.directory}/other", "other")
        for endpoint in (
            f"ssl:localhost:{port}:ca={other.path('ca-cert')}",
            f"ssl:localhost:{port}",  # the system's authorities
        ):
            for client in self.both(endpoint):
                await refused(StorageUnavailable, client.list())

    async def test_other_name(self) -> None:
        """A certificate for another host is not accepted."""
        port = await self.listen()
        endpoint = f"ssl:127.0.0.2:{port}:ca={self.authority.path('ca-cert')}"
        for client in self.both(endpoint):
            await refused(StorageUnavailable, client.list())

    async def test_address(self) -> None:
        """An address that the certificate names is as good as a name."""
        port = await self.listen()
        for client in self.both(f"ssl:127.0.0.1:{port}:ca={self.authority.path('ca-cert')}"):
            self.assertEqual(await client.list(), [])

    async def test_client_certificates(self) -> None:
        """Where they are wanted, only clients with one of ours are served."""
        port = await self.listen(f":clientCA={self.authority.path('ca-cert')}")
        place = f"ssl:localhost:{port}:ca={self.authority.path('ca-cert')}"
        other = Authority(f"{self.directory}/other", "other")
        for client in self.both(place + self.shown(self.authority)):
            self.assertEqual(await client.list(), [])
        for client in self.both(place) + self.both(place + self.shown(other)):
            await refused(StorageUnavailable, client.list())

    async def test_secret_all_the_same(self) -> None:
        """TLS does not replace the secret."""
        port = await self.listen()
        endpoint = f"ssl:localhost:{port}:ca={self.authority.path('ca-cert')}"
        client = BlockClient(reactor, endpoint, b"another secret", 10.0)
        self.clients.append(client)
        await refused(NotAuthenticated, client.list())

    async def test_plain_client(self) -> None:
        """Who speaks without TLS gets nothing, and does no harm."""
        port = await self.listen()
        for client in self.both(f"tcp:127.0.0.1:{port}"):
            await refused(StorageUnavailable, client.list())
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"\x16\x03\x01\xff\xff" + bytes(100))
        for client in self.both(f"ssl:localhost:{port}:ca={self.authority.path('ca-cert')}"):
            self.assertEqual(await client.list(), [])

    async def test_relay_ends(self) -> None:
        """When a client of a relayed data connection goes, its claim goes too."""
        client = await self.started()
        await client.create("v", MIB)
        volume = await client.open("v")
        await volume.write(0, bytes(MIB))
        volume._link.transport.abortConnection()
        held = self.volumes.of("v")
        await until(lambda: not held.attached, "no claim")
        self.assertEqual((await client.info("v")).connections, 0)

    async def test_bad_settings(self) -> None:
        """Endpoints that can't work are refused before anything listens or connects."""
        empty = f"{self.directory}/empty.pem"
        Path(empty).write_text("nothing\n")
        ours = self.authority.path("ca-cert")
        for text in (
            f"ssl:1:privateKey={self.authority.path('server-key')}:clientCA={empty}",
            f"ssl:1:sslmethod=TLSv1_METHOD:clientCA={ours}",
        ):
            with self.assertRaises(ValueError):
                endpoint_at(reactor, text)
        for endpoint in ("ssl:localhost:0", f"ssl:localhost:1:ca={empty}", "ssl:localhost:1:x=y"):
            with self.assertRaises(ValueError):
                BlockClient(reactor, endpoint, SECRET)
        with self.assertRaises(OSError):
            BlockClient(reactor, f"ssl:localhost:1:ca={self.directory}/absent", SECRET)

    async def test_no_handshake(self) -> None:
        """Who connects and does not even begin with TLS is disconnected."""
        self.patch(connection, "HELLO_TIMEOUT_S", 0.1)
        self.patch(connection, "FAREWELL_TIMEOUT_S", 0.1)
        port = await self.listen()
        for said in (b"", b"\x16\x03\x01\x01\x00\x01"):
            with socket.create_connection(("127.0.0.1", port), 5) as sock:
                sock.sendall(said)
                self.assertNotIn(b"SNFB", await deferToThread(heard, sock))


class DaemonTlsTests(StorageCase):
    """A daemon whose volumes are served by other processes."""

    async def test_both_clients(self) -> None:
        """Control and data connections of both."""
        authority = Authority(f"{self.directory}/ours")
        port = free_port()
        listen = (
            f"ssl:{port}:interface=127.0.0.1:privateKey={authority.path('server-key')}"
            f":certKey={authority.path('server-cert')}"
        )
        settings = msgspec.structs.replace(self.settings(), listen=listen)
        service = build_service(settings, reactor)
        service.startService()
        self.addCleanup(service.stopService)
        await service.ready
        secret = shared_secret(self.secret_file)
        endpoint = f"ssl:localhost:{port}:ca={authority.path('ca-cert')}"
        clients: list[Any] = [
            BlockClient(reactor, endpoint, secret),
            Threaded(BlockingClient(endpoint, secret)),
        ]
        self.clients += clients
        for name, client in zip("ab", clients, strict=True):
            await client.create(name, 8 * MIB)
            volume = await client.open(name)
            await volume.write(MIB, bytes(range(256)) * 16384, fua=True)
            self.assertEqual(await volume.read(MIB, 4 * MIB), bytes(range(256)) * 16384)
            await volume.close()
            await client.delete(name)


def heard(sock: socket.socket) -> bytes:
    """What was said before the end."""
    try:
        return sock.recv(100)
    except ConnectionResetError:
        return b""


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        number: int = sock.getsockname()[1]
    return number


class PlainTcpTests(WireCase):
    """TCP without TLS."""

    async def test_both_clients(self) -> None:
        """Control and data connections of both."""
        port = await self.serve("tcp:0:interface=127.0.0.1")
        endpoint = f"tcp:127.0.0.1:{port.getHost().port}"
        clients: list[Any] = [
            BlockClient(reactor, endpoint, SECRET),
            Threaded(BlockingClient(endpoint, SECRET)),
        ]
        self.clients += clients
        for name, client in zip("ab", clients, strict=True):
            await client.create(name, MIB)
            volume = await client.open(name)
            await volume.write(10, b"over TCP", fua=True)
            self.assertEqual(await volume.read(10, 8), b"over TCP")
            await volume.close()

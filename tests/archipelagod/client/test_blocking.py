"""
The blocking client.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from archipelagod.client.blocking import BlockingClient
from archipelagod.wire.errors import (
    NotAuthenticated,
    OutOfRange,
    ReadOnlyVolume,
    StorageUnavailable,
)
from archipelagod.wire.places import BadPlace
from tests.archipelagod.client.threaded import Threaded
from tests.archipelagod.running import ROOT, StorageCase
from tests.archipelagod.wire.client_contract import MIB, ClientContract, refused
from tests.archipelagod.wire.serving import SECRET, WireCase


class BlockingCase(WireCase):
    """Its clients are blocking ones."""

    def client(self, secret: bytes = SECRET, timeout_s: float = 30.0) -> Any:
        """A client, in threads."""
        client: Any = Threaded(BlockingClient(self.wire, secret, timeout_s))
        self.clients.append(client)
        return client


class FakeServerTests(ClientContract, BlockingCase):
    """BlockingClient and BlockingVolume with a server over FakeVolumes."""


class ConnectionTests(BlockingCase):
    """BlockingClient with servers that come, go, or are not what they seem."""

    async def test_wrong_secret(self) -> None:
        """Who doesn't know the secret, on either side, is told so."""
        await self.serve()
        await refused(NotAuthenticated, self.client(b"guess" * 5).list())

    async def test_no_daemon(self) -> None:
        """Without a daemon storage is unavailable; once it is there the same client works."""
        client = self.client()
        await refused(StorageUnavailable, client.list())
        await self.serve()
        self.assertEqual(await client.list(), [])

    async def test_connection_lost(self) -> None:
        """A lost connection fails what is asked, and is made anew for the next."""
        client = await self.started()
        await client.list()
        await client.soon(lambda blocking: blocking._link._sock.shutdown(socket.SHUT_RDWR))
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

    async def test_many_ranges(self) -> None:
        """Many reads and writes are on the way at a time; order is kept."""
        client = await self.started()
        await client.create("v", 40 * MIB)

        def use(blocking: BlockingClient) -> list[bytes]:
            with blocking.open("v") as volume:
                volume.write_many((n * 100000, b"%05d" % n) for n in range(400))
                volume.flush()
                return list(volume.read_many((n * 100000, 5) for n in range(400)))

        found = await client.soon(use)
        self.assertEqual(found, [b"%05d" % n for n in range(400)])

    async def test_many_ranges_broken_off(self) -> None:
        """After a refusal amid many the volume goes on."""
        client = await self.started()
        await client.create("v", MIB)
        await client.snapshot("v", "s")

        def use(blocking: BlockingClient) -> bytes:
            with blocking.open("s") as volume:
                with self.assertRaises(ReadOnlyVolume):
                    volume.write_many((0, b"x") for _ in range(100))
                reading = volume.read_many([(0, 1), (1, 2), (MIB, 1), (0, 1)])
                self.assertEqual([next(reading), next(reading)], [b"\0", b"\0\0"])
                with self.assertRaises(OutOfRange):
                    next(reading)
                return volume.read(0, 3)

        self.assertEqual(await client.soon(use), bytes(3))

    async def test_bad_places(self) -> None:
        """Places that can't be are refused at once."""
        for text in ("", "unix", "unix:", "tcp:host", "tcp:host:x", "ssl:h:1:cb=x", "http:h:80"):
            with self.assertRaises(BadPlace):
                BlockingClient(text, SECRET)
        found = BlockingClient("unix:" + "x" * 200, SECRET)
        await deferToThread(self.assertRaises, StorageUnavailable, found.list)


class DaemonTests(ClientContract, StorageCase):
    """BlockingClient with a daemon in this process."""

    async def started(self) -> Any:
        """A client of a new daemon."""
        await self.serve(store="memory", datapath="inline")
        return self.client()

    def client(self, secret: bytes | None = None, timeout_s: float = 30.0) -> Any:
        """A client, in threads."""
        known = Path(self.secret_file).read_bytes().strip() if secret is None else secret
        client: Any = Threaded(BlockingClient(self.wire, known, timeout_s))
        self.clients.append(client)
        return client


class ImportTests(WireCase):
    """What a script pays."""

    async def test_no_reactor(self) -> None:
        """The blocking client imports nothing of Twisted."""
        program = (
            "import sys; import archipelagod.client.blocking; "
            "print([name for name in sys.modules if name.startswith('twisted')])"
        )
        command = [sys.executable, "-c", program]
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        self.assertEqual(found.stdout, "[]\n")

"""
A volume goes from one daemon to another while clients of both are there: live migration.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.datapath.handover import Handover
from archipelagod.expected import PATIENCE_S, Expected
from archipelagod.service import build_service
from archipelagod.settings import ArchipelagoSettings
from archipelagod.volumes import Volumes
from archipelagod.wire.errors import VolumeBusy
from tests.archipelagod.running import MIB, StorageCase, reactor, refused, until

READ, WRITE, EPERM = 0, 1, 1
BLOCK = 4096


class Client:
    """A guest's end of an NBD connection that is served."""

    def __init__(self, ours: socket.socket) -> None:
        self._ours = ours

    def _ask(self, command: int, data: bytes) -> tuple[int, bytes]:
        """(error, data) of a request for the first block.  Raises EOFError when it is hung up."""
        head = struct.pack(">IHHQQI", 0x25609513, 0, command, 7, 0, BLOCK)
        try:
            self._ours.sendall(head + data)
        except OSError:
            raise EOFError from None
        _, error, _ = struct.unpack(">IIQ", self._exactly(16))
        return error, self._exactly(BLOCK) if command == READ and not error else b""

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self._ours.recv(size - len(found))
            if not part:
                raise EOFError
            found += part
        return found

    async def read(self) -> bytes:
        """The first byte of the volume."""
        error, data = await deferToThread(self._ask, READ, b"")
        assert not error, error
        return data[:1]

    async def write(self, byte: bytes) -> int:
        """The error of filling the first block."""
        error, _ = await deferToThread(self._ask, WRITE, byte * BLOCK)
        return error

    async def is_ended(self) -> bool:
        """Whether it was hung up."""
        try:
            await self.read()
        except EOFError:
            return True
        return False


class TwoDaemonsTests(StorageCase):
    """Daemons "a" and "b" over one store."""

    async def daemon(self, name: str, datapath: Any) -> Volumes:
        """The volumes of one more daemon."""
        home = f"{self.directory}/{name}"
        settings = ArchipelagoSettings(
            state_dir=home, listen=f"unix:{home}-wire", secret_file=self.secret_file,
            nbd_socket=f"{home}-nbd", store=f"file:{self.directory}/store", datapath=datapath,
        )  # fmt: skip
        service = build_service(settings, reactor)
        service.startService()
        self.addCleanup(service.stopService)
        await service.ready
        assert service._volumes is not None
        service._volumes._custody.grace_s = 0.2
        return service._volumes

    async def attached(self, volumes: Volumes, owner: int) -> Client:
        """A client that is served."""
        attachment = await volumes.attach("v", owner)
        self.assertFalse(attachment.is_read_only)
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        self.addCleanup(ours.close)
        attachment.serve_nbd(theirs, Handover(False, False, b"", b""))
        return Client(ours)

    async def both(self, datapath: str = "inline") -> tuple[Volumes, Volumes, Client]:
        """Both daemons; a client of "a" that wrote and flushed nothing."""
        a, b = await self.daemon("a", datapath), await self.daemon("b", datapath)
        await a.create("v", 16 * MIB)
        source = await self.attached(a, 1)
        self.assertEqual(await source.write(b"1"), 0)
        return a, b, source

    async def expected(self, a: Volumes, b: Volumes) -> Client:
        """The destination's client, while the source's is there."""
        await a.allow_handover("v")
        await b.allow_handover("v")
        return await self.attached(b, 2)

    async def moves(self, datapath: str) -> None:
        a, b, source = await self.both(datapath)
        waiting = await self.expected(a, b)
        self.assertEqual(await waiting.write(b"x"), EPERM)
        self.assertEqual(await source.write(b"2"), 0)
        await a.hand_over("v")
        await b.acquire("v")
        self.assertTrue(await source.is_ended())
        self.assertTrue(await waiting.is_ended())
        destination = await self.attached(b, 2)
        self.assertEqual(await destination.read(), b"2")
        self.assertEqual(await destination.write(b"3"), 0)
        await b.release("v")
        self.assertEqual(await destination.read(), b"3")

    async def test_moves(self) -> None:
        """All that was written is there, and never two can write."""
        await self.moves("inline")

    async def test_moves_between_workers(self) -> None:
        """The same with processes."""
        await self.moves("process")

    async def test_standing_by(self) -> None:
        """What another daemon has is not changed by way of one that stands by."""
        a, b, source = await self.both()
        await self.expected(a, b)
        await refused(VolumeBusy, b.attach("v", 3))
        for refusal in (
            b.snapshot("v", "s"), b.resize("v", 32 * MIB), b.write("v", 0, b"x"),
            b.mapw("v", 0, MIB), b.delete("v"), b.rename("v", "w"),
        ):  # fmt: skip
            await refused(VolumeBusy, refusal)
        self.assertEqual(await source.read(), b"1")

    async def test_called_off(self) -> None:
        """The source goes on, after it was handed over too: it connects again."""
        a, b, source = await self.both()
        waiting = await self.expected(a, b)
        waiting._ours.close()
        await until(lambda: not b._uses.open_now(), "b lets go")
        self.assertEqual(await source.write(b"2"), 0)
        await self.expected(a, b)
        await a.hand_over("v")
        await b.acquire("v")
        self.assertTrue(await source.is_ended())
        await b.release("v")
        again = await self.attached(a, 1)
        self.assertEqual(await again.read(), b"2")
        self.assertEqual(await again.write(b"3"), 0)

    async def test_connected_anew(self) -> None:
        """A source that lost its connection on the way, and came again, is ended all the same."""
        a, b, source = await self.both()
        await self.expected(a, b)
        source._ours.close()
        await until(lambda: not a._uses.open_now(), "a has missed it")
        again = await self.attached(a, 1)
        await a.hand_over("v")
        await b.acquire("v")
        self.assertTrue(await again.is_ended())

    async def test_within_a_daemon(self) -> None:
        """When the destination came to the same daemon, nobody is ended."""
        a, _, source = await self.both()
        await a.allow_handover("v")
        await a.allow_handover("v")
        destination = await self.attached(a, 2)
        await a.hand_over("v")
        await a.acquire("v")
        for client in (source, destination):
            self.assertEqual(await client.write(b"2"), 0)
        await a.release("v")
        self.assertEqual(await destination.read(), b"2")


class ExpectedTests(SynchronousTestCase):
    """Who may stand by."""

    def test_next_client_alone(self) -> None:
        """The next client of that volume, if it comes in time."""
        clock = Clock()
        expected = Expected(clock)
        expected.add("v")
        self.assertEqual([expected.take(name) for name in ("w", "v", "v")], [False, True, False])
        expected.add("v")
        clock.advance(PATIENCE_S)
        self.assertFalse(expected.take("v"))

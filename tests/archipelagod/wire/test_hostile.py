"""
A daemon among peers that mean harm.  HOSTILE_FRAMES: how many at each door (2000).
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from archipelagod.client.link import BlockingLink
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST
from archipelagod.wire import operations as op
from archipelagod.wire import requests
from archipelagod.wire.frames import Frame, encode
from tests.archipelagod.running import Program, StorageCase, reactor, until
from tests.archipelagod.wire import hostile

MIB = 1 << 20
FRAMES = int(os.environ.get("HOSTILE_FRAMES", "2000"))
GROWTH_MIB = 32.0
STUCK = 20  # clients that don't read


class HostileTests(StorageCase):
    """twistd archipelagod with its block and NBD sockets."""

    timeout = 60 + FRAMES // 50

    async def _daemon(self) -> tuple[Any, Program, int]:
        program = self.spawn()
        client = await self.up(program)
        self.secret = Path(self.secret_file).read_bytes().strip()
        self.block_socket = f"{self.directory}/wire"
        await client.create("kept", 64 * MIB)
        await client.write("kept", 0, b"content")
        for name in ("v", "sealed"):
            await client.create(name, 16 * MIB)
        await client.seal("sealed")
        transport: Any = program.transport
        return client, program, transport.pid

    async def _endure(self, attack: Callable[[int, random.Random], int]) -> Any:
        """
        The daemon lives through an attack, with no more memory and files than in its beginning.
        """
        client, program, pid = await self._daemon()
        chance = random.Random(5)
        await deferToThread(attack, FRAMES // 4, chance)
        before_mib, before_files = hostile.resident_mib(pid), hostile.descriptors(pid)
        sent = await deferToThread(attack, FRAMES, chance)
        self.assertGreaterEqual(sent, FRAMES)
        await until(lambda: hostile.descriptors(pid) <= before_files + 8, "files are closed")
        self.assertLess(hostile.resident_mib(pid) - before_mib, GROWTH_MIB)
        self.assertFalse(program.ended.called)
        self.assertNotIn(b"Traceback", program.output)
        self.assertEqual(await client.read("kept", 0, 7), b"content")
        return client

    async def test_strangers(self) -> None:
        """Who does not know the secret changes nothing."""
        client = await self._endure(
            lambda count, chance: hostile.strangers(self.block_socket, count, chance)
        )
        self.assertEqual([info.name for info in await client.list()], ["kept", "sealed", "v"])

    async def test_known(self) -> None:
        """Who knows it may ask for any nonsense."""
        await self._endure(
            lambda count, chance: hostile.known(self.block_socket, self.secret, count, chance)
        )

    async def test_data_connections(self) -> None:
        """On data connections too."""

        def attack(count: int, chance: random.Random) -> int:
            return hostile.opened(self.block_socket, self.secret, "victim", count, chance)

        await self._endure_with_victim(attack)

    async def test_nbd_options(self) -> None:
        """In the negotiation of NBD."""
        await self._endure(
            lambda count, chance: hostile.nbd_options(self.nbd_socket, count, chance)
        )

    async def test_nbd_requests(self) -> None:
        """And after it."""

        def attack(count: int, chance: random.Random) -> int:
            return hostile.nbd_requests(self.nbd_socket, "victim", count, chance)

        await self._endure_with_victim(attack)

    async def _endure_with_victim(self, attack: Callable[[int, random.Random], int]) -> None:
        daemon = self._daemon

        async def with_victim() -> tuple[Any, Program, int]:
            found = await daemon()
            await found[0].create("victim", 64 * MIB)
            return found

        self._daemon = with_victim  # type: ignore[method-assign]
        await self._endure(attack)

    async def test_does_not_read(self) -> None:
        """Clients that ask and don't read hold little memory, and hold up nobody."""
        client, _, pid = await self._daemon()
        for name in ("data", "nbd"):
            await client.create(name, 64 * MIB)
        before_mib = hostile.resident_mib(pid)
        asked = b"".join(
            encode(Frame(1, op.READ, number, target="kept", size=4 * MIB)) for number in range(64)
        )
        of_volume = b"".join(
            encode(Frame(1, op.READ, number, size=4 * MIB)) for number in range(64)
        )
        of_nbd = b"".join(
            REQUEST.pack(n.REQUEST_MAGIC, 0, n.CMD_READ, number, 0, 4 * MIB) for number in range(64)
        )
        doors: list[tuple[Callable[[], socket.socket], bytes]] = [
            (self._known, asked),
            (self._opened, of_volume),
            (partial(hostile.nbd_opened, self.nbd_socket, "nbd"), of_nbd),
        ]
        for made, sent in doors:
            stuck = hostile.not_reading(made, sent, STUCK)
            await deferToThread(stuck.__enter__)
            await deferLater(reactor, 1.0)
            grown_mib = hostile.resident_mib(pid) - before_mib
            self.assertLess(grown_mib, STUCK * (op.WORK_BYTES / MIB + 2))
            started_s = reactor.seconds()
            await client.write("kept", 0, b"content")
            self.assertEqual(await client.read("kept", 0, 7), b"content")
            self.assertLess(reactor.seconds() - started_s, 5.0)
            stuck.__exit__(None, None, None)

    def _known(self) -> socket.socket:
        sock = hostile.connected(self.block_socket)
        BlockingLink(sock, self.secret, 20.0)
        return sock

    def _opened(self) -> socket.socket:
        sock = hostile.connected(self.block_socket)
        BlockingLink(sock, self.secret, 20.0).ask(requests.opening("data", 7))
        return sock

"""
The daemon as an operator runs it: a process of its own, that may die at any moment.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.service import build_service, free_socket, remove_stale_socket, shared_secret
from archipelagod.settings import ArchipelagoSettings
from archipelagod.wire.errors import StorageError, StorageUnavailable
from synnefo_tx.daemon.settings import SettingsError, load
from tests.archipelagod.running import MIB, ROOT, Program, StorageCase, reactor, run, until

BLOCK = 4096


class SettingsTests(SynchronousTestCase):
    """What is read from files."""

    def test_example(self) -> None:
        """The example in etc/ is valid."""
        found = load(ROOT / "etc/synnefo/archipelagod.toml", ArchipelagoSettings)
        self.assertEqual((found.store, found.datapath), ("file", "process"))

    def test_memory_needs_inline(self) -> None:
        """A worker process can't see the daemon's memory."""
        settings = ArchipelagoSettings(
            state_dir=self.mktemp(), listen="", secret_file="", nbd_socket="", store="memory"
        )
        self.assertRaises(SettingsError, build_service, settings, None)

    def test_secret_is_made(self) -> None:
        """A secret is made once, for its owner only."""
        path = self.mktemp()
        secret = shared_secret(path)
        self.assertEqual(shared_secret(path), secret)
        self.assertGreaterEqual(len(secret), 32)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_weak_secret(self) -> None:
        """A secret that can be guessed is refused."""
        path = self.mktemp()
        Path(path).write_text("hello\n")
        self.assertRaises(SettingsError, shared_secret, path)

    def test_stale_socket(self) -> None:
        """A socket left behind goes; a file that is not a socket stays."""
        path = self.mktemp()
        Path(path).write_text("precious")
        remove_stale_socket(path)
        self.assertEqual(Path(path).read_text(), "precious")


class WorkerStartTests(SynchronousTestCase):
    """What the worker's start costs."""

    def test_imports(self) -> None:
        """The worker imports neither Twisted nor anything else outside the standard library."""
        program = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); import archipelagod.datapath.worker; "
            "print(*{name.partition('.')[0] for name in sys.modules}, sep='\\n')"
        )
        command = [sys.executable, "-I", "-S", "-c", program]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(
            set(found) - set(sys.stdlib_module_names) - {"archipelagod", "__main__"}, set()
        )


class SocketTests(StorageCase):
    """A socket where someone may be."""

    async def test_used(self) -> None:
        """Where a daemon listens a second one waits, and takes over when the first is gone."""
        path = f"{self.directory}/s"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(1)
            waiting = Deferred.fromCoroutine(free_socket(reactor, f"unix:{path}:mode=600"))
            await deferLater(reactor, 0.2)
            self.assertNoResult(waiting)
        await waiting
        self.assertFalse(os.path.exists(path))

    async def test_others(self) -> None:
        """Endpoints that are no unix sockets need no such care."""
        await free_socket(reactor, "tcp:0:interface=127.0.0.1")


class DaemonTests(StorageCase):
    """twistd -n archipelagod."""

    if shutil.which("qemu-io") is None:
        skip = "needs qemu-io (Debian: qemu-utils)"

    async def test_starts_and_stops(self) -> None:
        """It serves, ends on SIGTERM, and everything is there when it is started again."""
        program = self.spawn()
        client = await self.up(program)
        await client.create("v", 8 * MIB)
        await client.write("v", 100, b"kept")
        await self.qemu_io("v", "write -P 9 5M 1M")
        program.transport.signalProcess("TERM")  # type: ignore[union-attr]
        code, output = await program.ended
        self.assertEqual(code, -15, output)  # twistd ends itself by the signal that stopped it
        self.assertNotIn("Traceback", output)
        client = await self.up(self.spawn())
        self.assertEqual(await client.read("v", 100, 4), b"kept")
        await self.qemu_io("v", "read -P 9 5M 1M")
        for name in ("state", "secret", "nbd", "wire"):
            self.assertEqual(os.stat(f"{self.directory}/{name}").st_mode & 0o077, 0, name)

    async def test_bad_settings(self) -> None:
        """Bad settings are one clear line, and exit status 1."""
        config = f"{self.directory}/bad.toml"
        Path(config).write_text("state_dir = 7\n")
        twistd = str(Path(sys.executable).with_name("twistd"))
        code, output = await run(
            "env", f"PYTHONPATH={ROOT}", twistd, "-n", "--pidfile=", "archipelagod", "-c", config
        )
        self.assertEqual(code, 1, output)
        self.assertIn(f"{config}: ", output)
        self.assertNotIn("Traceback", output)

    async def test_cannot_listen(self) -> None:
        """A daemon that can't listen says why, and ends with status 1."""
        self.nbd_socket = f"{self.directory}/absent/nbd"
        code, output = await self.spawn().ended
        self.assertEqual(code, 1, output)
        self.assertIn("archipelagod could not start", output)

    async def test_killed_while_written(self) -> None:
        """After kill -9 every acknowledged write is whole, and every flushed one there."""
        program = self.spawn()
        client = await self.up(program)
        await client.create("v", 12 * MIB)
        writer = Writer(client, random.Random(7))
        writing = Deferred.fromCoroutine(writer.run())
        for _ in range(3):
            goal = writer.flushes + 5
            await until(lambda goal=goal: writer.flushes >= goal, "flushes")
            await self.kill(program)
            program = self.spawn()
            await self.up(program)
        writer.is_stopped = True
        await writing
        await writer.check(self)

    async def test_qemu_goes_on(self) -> None:
        """QEMU's client reconnects to a daemon that was killed, and misses nothing."""
        program = self.spawn()
        client = await self.up(program)
        await client.create("v", 8 * MIB)
        guest = Program()
        image = (
            "driver=raw,file.driver=nbd,file.server.type=unix,"
            f"file.server.path={self.nbd_socket},file.export=v,file.reconnect-delay=20"
        )
        path = shutil.which("qemu-io")
        command = ("qemu-io", "--image-opts", image)
        reactor.spawnProcess(guest, path, command, env=os.environ)
        self.addCleanup(self.kill, guest)
        await until(lambda: b"qemu-io>" in guest.output, "a prompt")
        await self.say(guest, "write -P 1 3M 2M")
        await self.kill(program)
        writing = Deferred.fromCoroutine(self.say(guest, "write -P 2 3M 4k"))
        await self.up(self.spawn())
        await writing
        for command in ("flush", "read -P 2 3M 4k", "read -P 1 3076k 2044k"):
            await self.say(guest, command)
        guest.transport.closeStdin()  # type: ignore[union-attr]
        code, output = await guest.ended
        self.assertEqual(code, 0, output)
        self.assertNotIn("failed", output)

    async def say(self, guest: Program, line: str) -> None:
        """Types a command and waits for the next prompt: qemu-io loses lines that come together."""
        prompts = guest.output.count(b"qemu-io>")
        guest.transport.write(f"{line}\n".encode())  # type: ignore[union-attr]
        await until(lambda: guest.output.count(b"qemu-io>") > prompts, line, 30.0)

    async def test_no_garbage_after_kills(self) -> None:
        """What half-done work left is removed after the restart."""
        program = self.spawn()
        client = await self.up(program)
        await client.create("v", 40 * MIB)
        work = [
            Deferred.fromCoroutine(client.write("v", number * 4 * MIB, b"x" * MIB))
            for number in range(10)
        ]
        await until(lambda: work[2].called, "some writes")
        await self.kill(program)
        for outcome in work:
            outcome.addErrback(lambda failure: failure.trap(StorageError))
        client = await self.up(self.spawn())
        store = f"{self.directory}/state/store"

        def is_clean() -> bool:
            journals = [
                name for _, _, names in os.walk(f"{store}/records/journals") for name in names
            ]
            return not journals

        await until(is_clean, "recovery")
        kept = [name for _, _, names in os.walk(f"{store}/objects") for name in names]
        self.assertEqual((await client.info("v")).own_bytes, len(kept) * 4 * MIB)
        await client.delete("v")
        await until(
            lambda: not [1 for _, _, names in os.walk(f"{store}/objects") if names], "deletion"
        )


class Writer:
    """
    Writes numbered blocks, and remembers what was acknowledged and flushed.
    """

    def __init__(self, client: Any, chance: random.Random) -> None:
        self.client = client
        self.chance = chance
        self.is_stopped = False
        self.flushes = 0
        self.sent: dict[int, int] = {}  # block -> last number sent
        self.acknowledged: dict[int, int] = {}

    async def run(self) -> None:
        """Until stopped; goes on after errors."""
        number = 0
        while not self.is_stopped:
            number += 1
            block = self.chance.randrange(3072)
            self.sent[block] = number
            try:
                await self.client.write("v", block * BLOCK, stamp(block, number))
                self.acknowledged[block] = number
                if number % 20 == 0:
                    await self.client.flush("v")
                    self.flushes += 1
            except StorageUnavailable:
                await deferLater(reactor, 0.05)

    async def check(self, case: StorageCase) -> None:
        """Every block holds what was acknowledged, or what was sent after that."""
        case.assertGreater(len(self.acknowledged), 100)
        for block, sent in self.sent.items():
            found = await self.client.read("v", block * BLOCK, BLOCK)
            number = struct.unpack_from("<Q", found, 8)[0]
            if number:
                case.assertEqual(found, stamp(block, number))
            else:
                case.assertEqual(found, bytes(BLOCK))
            case.assertGreaterEqual(number, self.acknowledged.get(block, 0))
            case.assertLessEqual(number, sent)


def stamp(block: int, number: int) -> bytes:
    """A block that says which it is."""
    return struct.pack("<QQ", block, number) * (BLOCK // 16)

"""
Volumes of a real archipelagod, changed while a program of QEMU has them open.
"""

from __future__ import annotations

import os
import shutil

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from ganetid.cluster.model import Disk
from ganetid.disks.archipelago import Archipelago
from ganetid.disks.interface import MIB
from tests.archipelagod.running import Program, StorageCase, reactor, run, until

DISK = Disk("vol", "u", 8, provider="archipelago")
PROMPT = b"qemu-io> "
CLONE = Disk("clone", "u2", 12, provider="archipelago", params={"origin": "monday"})


class OpenVolumeTests(StorageCase):
    """A volume in use."""

    timeout = 90

    async def begin(self) -> Archipelago:
        if shutil.which("qemu-io") is None:
            raise SkipTest("there is no qemu-io")
        await self.serve()
        disks = Archipelago(reactor, self.client(), self.nbd_socket)
        await disks.create("i", DISK)
        return disks

    async def user(self, *commands: str) -> Program:
        """A qemu-io that has done the commands and keeps the volume open."""
        program = Program()
        command = ("stdbuf", "-oL", "qemu-io", "-f", "raw", "-t", "none", self.uri("vol"))
        reactor.spawnProcess(program, shutil.which("stdbuf"), command, env=os.environ)
        self.addCleanup(self.kill, program)
        await until(lambda: program.output.endswith(PROMPT), "qemu-io has opened the volume")
        for each in commands:
            await self.tell(program, each)
        return program

    async def tell(self, program: Program, command: str) -> None:
        """Wait until a command is done: qemu-io forgets what it was told meanwhile."""
        program.output = b""
        program.transport.write(f"{command}\n".encode())  # type: ignore[union-attr]
        await until(lambda: program.output.endswith(PROMPT), command)

    def test_snapshot_and_grow(self) -> Deferred[None]:
        """
        A snapshot of an open volume has what was flushed; the volume grows under its user, and a
        clone of the snapshot has that content at its own size.
        """

        async def check() -> None:
            disks = await self.begin()
            user = await self.user("write -P 0x5a 1M 64k", "flush")
            await disks.snapshot("i", DISK, "monday")
            await disks.grow("i", DISK, 16)
            await self.tell(user, "write -P 0x11 1M 64k")
            self.assertIn(b"wrote 65536/65536", user.output)
            await self.tell(user, "flush")
            user.transport.write(b"quit\n")  # type: ignore[union-attr]
            await user.ended
            self.assertEqual(await disks.size("i", DISK), 16 * MIB)
            await disks.create("j", CLONE)
            self.assertEqual(await disks.size("j", CLONE), 12 * MIB)
            await self.qemu_io("clone", "read -P 0x5a 1M 64k", "read -P 0 2M 10M")
            await self.qemu_io("vol", "read -P 0x11 1M 64k", "write -P 0x22 15M 64k")

        return Deferred.fromCoroutine(check())

    def test_handover(self) -> Deferred[None]:
        """A second QEMU is refused, until its coming was announced."""

        async def check() -> None:
            disks = await self.begin()
            await self.user("write -P 0x5a 0 64k", "flush")
            code, _ = await run("qemu-io", "-f", "raw", "-c", "length", self.uri("vol"))
            self.assertNotEqual(code, 0)
            await disks.allow_handover("i", DISK)
            await self.qemu_io("vol", "read -P 0x5a 0 64k")

        return Deferred.fromCoroutine(check())

"""
The same content served twice: by us, and by qemu-nbd.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from archipelagod.wire.client import BlockClient
from tests.archipelagod.running import MIB, Program, StorageCase, reactor, run, until

PYTHON = "/usr/bin/python3"  # has libnbd's module, if Debian's package is installed
NEEDED = ("qemu-nbd", "qemu-io", "qemu-img", "nbdinfo", "nbdcopy", "fio", PYTHON)
SIZE = 16 * MIB
MISSING = [program for program in NEEDED if shutil.which(program) is None]


class InteropCase(StorageCase):
    """Has our volume "v", and a file behind qemu-nbd as the export "v"."""

    timeout = 120
    size = SIZE
    if MISSING:
        skip = f"needs {' '.join(MISSING)} (Debian: qemu-utils libnbd-bin python3-libnbd fio)"

    async def ours(self, **more: Any) -> BlockClient:
        """Starts ours."""
        self.service = await self.serve(datapath="process", **more)
        client = self.client()
        await client.create("v", self.size)
        return client

    async def theirs(self, *more: str) -> None:
        """Starts qemu-nbd."""
        path = f"{self.directory}/file"
        with open(path, "ab") as file:
            file.truncate(self.size)
        program = Program()
        command = ("qemu-nbd", "-t", "-e", "16", "-k", f"{self.directory}/qemu", "-f", "raw")
        export = ("-x", "v", "-D", "volume", "--discard=unmap", *more, path)
        reactor.spawnProcess(program, shutil.which("qemu-nbd"), command + export, env=os.environ)
        self.addCleanup(self.kill, program)
        await until(Path(f"{self.directory}/qemu").exists, "qemu-nbd listens")

    async def both(self) -> None:
        """Starts both."""
        await self.ours()
        await self.theirs()

    def their_uri(self) -> str:
        """Where qemu-nbd is."""
        return f"nbd+unix:///v?socket={self.directory}/qemu"

    @property
    def uris(self) -> tuple[str, str]:
        """Ours and theirs."""
        return self.uri("v"), self.their_uri()

    async def good(self, *command: str) -> str:
        """Output of a program that succeeds."""
        code, output = await run(*command)
        self.assertEqual(code, 0, f"{command}: {output}")
        return output

    async def on_both(self, look: Callable[[str], Awaitable[Any]]) -> Any:
        """What ``look`` finds on both, which is the same."""
        ours, theirs = [await look(uri) for uri in self.uris]
        self.assertEqual(ours, theirs)
        return ours

    async def io_on_both(self, *commands: str) -> str:
        """What qemu-io says of commands, which is the same."""

        async def look(uri: str) -> tuple[int, str]:
            arguments = [part for command in commands for part in ("-c", command)]
            code, output = await run("qemu-io", "-f", "raw", *arguments, uri)
            return code, self.plain(output)

        found = await self.on_both(look)
        return str(found[1])

    def plain(self, output: str) -> str:
        """Without times, and without what names a server."""
        output = re.sub(r"[0-9.]+ sec.*", "", output)
        output = output.replace(f"{self.directory}/qemu", "SOCKET")
        return output.replace(self.nbd_socket, "SOCKET")

    async def assert_same_content(self) -> None:
        """Both have the same bytes, as qemu-img judges."""
        compare = ("qemu-img", "compare", "-f", "raw", "-F", "raw")
        self.assertIn("identical", await self.good(*compare, *self.uris))

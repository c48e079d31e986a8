"""
libnbd's own interoperability programs.  Each starts the daemon itself, with the socket already
listening, and ends it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from unittest import SkipTest

from twisted.internet.threads import deferToThread

from tests.archipelagod.running import MIB, ROOT, Program, StorageCase, reactor, until
from tests.interop.libnbd_source import NotHere, as_arguments, build
from tests.interop.peers import MISSING

PROGRAM_TIMEOUT_S = 60
SIZE = MIB  # what interop.c and socket-activation.c expect
SCALE = 4 * MIB // 512  # structured-read.c has holes of 512 bytes; ours are objects


class ProgramTests(StorageCase):
    """Each of libnbd's programs ends well, and leaves no process behind."""

    timeout = 180
    if MISSING or shutil.which("gcc") is None:
        skip = f"needs gcc {' '.join(MISSING)}"

    async def prepared(self, export: str, size_bytes: int, *commands: str) -> tuple[str, ...]:
        """A store with a volume; the command that starts a daemon on it."""
        self.config = f"{self.directory}/archipelagod.toml"
        Path(self.config).write_text(
            f'state_dir = "{self.directory}/state"\nlisten = "{self.wire}:mode=600"\n'
            f'secret_file = "{self.secret_file}"\nnbd_socket = "{self.nbd_socket}"\n'
            f'[nbd]\ndefault_export = "{export}"\n'
        )
        twistd = str(Path(sys.executable).with_name("twistd"))
        command = (twistd, "-n", "--pidfile=", "archipelagod", "--config", self.config)
        program = Program()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        reactor.spawnProcess(program, twistd, command, env=environment, path=self.directory)
        self.addCleanup(self.kill, program)
        client = await self.up(program)
        await client.create(export, size_bytes)
        if commands:
            await self.qemu_io(export, *commands)
        await client.close()
        program.transport.signalProcess("TERM")  # type: ignore[union-attr]
        code, output = await program.ended
        self.assertEqual(code, -signal.SIGTERM, output)  # twistd ends as if killed, after all
        return command

    async def built(self, name: str, scale: int = 1, **definitions: str) -> str:
        """A program of libnbd's."""
        try:
            return await deferToThread(build, name, self.directory, definitions, scale)
        except NotHere as error:
            raise SkipTest(str(error)) from error

    async def assert_ends_well(self, *command: str) -> str:
        """The program ends with 0, and soon nothing of the daemon is left."""
        program = Program()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        reactor.spawnProcess(program, command[0], command, env=environment, path=self.directory)
        self.addCleanup(self.end_all)
        code, output = await program.ended.addTimeout(PROGRAM_TIMEOUT_S, reactor)
        self.assertEqual(code, 0, output)
        await until(lambda: not self.processes(), "all processes end")
        return output

    def end_all(self) -> None:
        """A program that failed leaves its daemon behind."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Those that have our directory in their command."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_text().replace("\0", " ")
            except OSError:
                continue
            if self.directory in command:
                found.append(int(entry.parent.name))
        return found

    async def test_interop(self) -> None:
        """interop.c: the named export has its size and can be read."""
        command = await self.prepared("disk", SIZE)
        program = await self.built(
            "interop",
            SERVER=as_arguments(command[0]),
            SERVER_PARAMS=as_arguments(*command[1:]),
            SOCKET_ACTIVATION="1",
            EXPORT_NAME=as_arguments("disk"),
        )
        await self.assert_ends_well(program)

    async def test_socket_activation(self) -> None:
        """socket-activation.c: the same with the default export."""
        command = await self.prepared("disk", SIZE)
        program = await self.built(
            "socket-activation",
            SERVER=as_arguments(command[0]),
            SERVER_PARAMS=as_arguments(*command[1:]),
        )
        await self.assert_ends_well(program)

    async def test_list_exports(self) -> None:
        """list-exports.c: names and descriptions."""
        command = await self.prepared("testing", SIZE)
        program = await self.built(
            "list-exports",
            SERVER=as_arguments(command[0]),
            SERVER_PARAMS=as_arguments(*command[1:]),
            SOCKET_ACTIVATION="1",
            EXPORTS=as_arguments("testing"),
            DESCRIPTIONS=as_arguments("volume"),
        )
        output = await self.assert_ends_well(program)
        self.assertIn('name="testing" description="volume"', output)

    async def test_structured_read(self) -> None:
        """structured-read.c, scaled: chunks of hole and data, one with DF, errors of callbacks."""
        size = 3072 * SCALE
        work = (f"write -P 1 0 {size}", f"write -z -u {2048 * SCALE} {512 * SCALE}")
        command = await self.prepared("disk", size, *work)
        program = await self.built("structured-read", SCALE)
        await self.assert_ends_well(program, *command)

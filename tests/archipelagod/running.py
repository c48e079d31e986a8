"""
A daemon for tests: in this process, or in one of its own.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from archipelagod.service import ArchipelagoService, build_service, shared_secret
from archipelagod.settings import ArchipelagoSettings
from archipelagod.wire.client import BlockClient
from archipelagod.wire.errors import StorageError

reactor: Any = global_reactor
ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


class Program(ProcessProtocol):
    """
    A program that runs; ``ended`` fires with its exit code (minus the signal) and output.
    """

    def __init__(self) -> None:
        self.output = b""
        self.ended: Deferred[tuple[int, str]] = Deferred()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """See ProcessProtocol."""
        self.output += data

    def processEnded(self, reason: Failure) -> None:
        """See ProcessProtocol."""
        code = 0
        if reason.check(ProcessTerminated):
            value = reason.value
            code = -value.signal if value.signal else value.exitCode
        else:
            reason.trap(ProcessDone)
        self.ended.callback((code, self.output.decode("utf-8", "replace")))


def run(*command: str) -> Deferred[tuple[int, str]]:
    """
    Exit code and output of a program.
    """
    program = Program()
    reactor.spawnProcess(program, shutil.which(command[0]), command, env=os.environ)
    return program.ended


async def until(condition: Any, what: str, timeout_s: float = 10.0) -> None:
    """
    Returns when ``condition()`` holds.
    """
    deadline_s = reactor.seconds() + timeout_s
    while not condition():
        if reactor.seconds() > deadline_s:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        await deferLater(reactor, 0.01)


async def refused(kind: type[StorageError], work: Any) -> None:
    """
    Returns when ``work`` failed with an error of that kind.
    """
    try:
        await work
    except kind:
        return
    raise AssertionError(f"not refused with {kind.__name__}")


def children(program: str) -> list[int]:
    """
    Process ids of our children whose command has ``program`` in it.
    """
    mine = str(os.getpid())
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                command = file.read()
            with open(f"/proc/{pid}/stat") as file:
                parent = file.read().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if parent == mine and program in command:
            found.append(int(pid))
    return found


class StorageCase(TestCase):
    """
    Has a directory with a short path (unix sockets want one), and starts daemons in it.
    """

    timeout = 60

    def setUp(self) -> None:
        """The directory."""
        self.directory = tempfile.mkdtemp(prefix="arch")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.nbd_socket = f"{self.directory}/nbd"
        self.wire = f"unix:{self.directory}/wire"
        self.secret_file = f"{self.directory}/secret"
        self.clients: list[BlockClient] = []
        self.addCleanup(self.close_clients)

    def settings(self, **more: Any) -> ArchipelagoSettings:
        """Settings for that directory."""
        return ArchipelagoSettings(
            state_dir=f"{self.directory}/state",
            listen=f"{self.wire}:mode=600",
            secret_file=self.secret_file,
            nbd_socket=self.nbd_socket,
            **more,
        )

    async def serve(self, **more: Any) -> ArchipelagoService:
        """A daemon in this process, until the test ends."""
        service = build_service(self.settings(**more), reactor)
        service.startService()
        self.addCleanup(service.stopService)
        await service.ready
        return service

    def client(self, secret: bytes | None = None, timeout_s: float = 30.0) -> BlockClient:
        """A client of the daemon."""
        known = shared_secret(self.secret_file) if secret is None else secret
        client = BlockClient(reactor, self.wire, known, timeout_s)
        self.clients.append(client)
        return client

    async def _close_clients(self) -> None:
        for client in self.clients:
            await client.close()
        await deferLater(reactor, 0)

    def close_clients(self) -> Deferred[None]:
        """Hangs up."""
        return Deferred.fromCoroutine(self._close_clients())

    def spawn(self) -> Program:
        """A daemon in a process of its own, as an operator starts it."""
        config = f"{self.directory}/archipelagod.toml"
        Path(config).write_text(
            f'state_dir = "{self.directory}/state"\nlisten = "{self.wire}:mode=600"\n'
            f'secret_file = "{self.secret_file}"\nnbd_socket = "{self.nbd_socket}"\n'
        )
        program = Program()
        twistd = str(Path(sys.executable).with_name("twistd"))
        command = (twistd, "-n", "--pidfile=", "archipelagod", "--config", config)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        reactor.spawnProcess(program, twistd, command, env=environment, path=self.directory)
        self.addCleanup(self.kill, program)
        return program

    def kill(self, program: Program) -> Deferred[Any]:
        """Kills a daemon at once, if it lives."""
        if program.ended.called:
            return program.ended
        program.transport.signalProcess("KILL")  # type: ignore[union-attr]
        ended: Deferred[None] = Deferred()
        program.ended.chainDeferred(ended)
        return ended

    async def up(self, program: Program) -> BlockClient:
        """A client, once the daemon answers."""

        def is_up() -> bool:
            assert not program.ended.called, program.output
            return b"archipelagod is ready" in program.output

        await until(is_up, "the daemon is up", 20.0)
        return self.client()

    def uri(self, volume: str) -> str:
        """Where QEMU's programs find a volume."""
        return f"nbd+unix:///{volume}?socket={self.nbd_socket}"

    async def qemu_io(self, volume: str, *commands: str) -> str:
        """Output of qemu-io commands; they all succeed."""
        arguments = [part for command in commands for part in ("-c", command)]
        code, output = await run("qemu-io", "-f", "raw", *arguments, self.uri(volume))
        self.assertEqual(code, 0, output)
        self.assertNotIn("failed", output)
        return output

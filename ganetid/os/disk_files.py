"""
Disks that only NBD clients reach, as files for scripts that need a path: QEMU's storage daemon with
a FUSE export.

Checked against QEMU 7.2.22: the file has the disk's size, and is root's alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.hypervisor.interface import Drive, NbdDrive, NbdHostDrive
from ganetid.hypervisor.process import arguments_of, pid_in
from ganetid.opcodes.errors import OpExecError
from ganetid.os.task import ReachedDisk

PROGRAM = "/usr/bin/qemu-storage-daemon"
READY_S = 20.0
GOING_S = 20.0
POLL_S = 0.02
MAX_WORDS = 4096


class DiskFiles:
    """
    Shows NBD disks as files below `directory`, for as long as a script needs them.
    """

    _log = Logger()

    def __init__(self, reactor: Any, directory: Path, program: str = PROGRAM) -> None:
        self._reactor = reactor
        self._directory = directory
        self._program = program

    @contextlib.asynccontextmanager
    async def reached(self, drives: tuple[Drive, ...]) -> AsyncIterator[tuple[ReachedDisk, ...]]:
        """
        The disks with paths; the files go with the context.

        Raises OpExecError when a disk can't be shown as a file on this node.
        """
        async with contextlib.AsyncExitStack() as stack:
            disks: list[ReachedDisk] = []
            for drive in drives:
                if isinstance(drive, NbdDrive | NbdHostDrive):
                    path = await stack.enter_async_context(self._shown(drive))
                    disks.append(ReachedDisk(drive, str(path)))
                else:
                    disks.append(ReachedDisk(drive, drive.path))
            yield tuple(disks)

    async def clear(self) -> None:
        """End what a former life of this process has left.  Call once, before all else."""
        for pid in await deferToThread(_left_in, self._directory):
            self._log.warn("a disk's file was left behind by process {pid}", pid=pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await deferToThread(_clean, self._directory)

    @contextlib.asynccontextmanager
    async def _shown(self, drive: NbdDrive | NbdHostDrive) -> AsyncIterator[Path]:
        file, pid_file = await deferToThread(_new_place, self._directory)
        daemon = _Daemon()
        arguments = _arguments(self._program, drive, file, pid_file)
        try:
            self._spawn(daemon, drive, arguments)
            await self._until_ready(daemon, drive, pid_file)
            yield file
        finally:
            await self._end(daemon)
            await deferToThread(_forget, file, pid_file)

    def _spawn(self, daemon: _Daemon, drive: Drive, arguments: list[str]) -> None:
        try:
            self._reactor.spawnProcess(daemon, self._program, arguments, env={"PATH": os.defpath})
        except OSError as error:
            daemon.ended.callback(None)
            raise _cannot(drive, error.strerror or "") from error

    async def _until_ready(self, daemon: _Daemon, drive: Drive, pid_file: Path) -> None:
        """The pid file is written when the export is there."""
        deadline = self._reactor.seconds() + READY_S
        while not pid_file.exists():
            if daemon.ended.called or self._reactor.seconds() > deadline:
                raise _cannot(drive, daemon.words.decode("utf-8", "replace").strip())
            await deferLater(self._reactor, POLL_S)

    async def _end(self, daemon: _Daemon) -> None:
        """It flushes what was written before it goes."""
        for number in ("TERM", "KILL"):
            if daemon.ended.called:
                return
            daemon.send(number)
            deadline = self._reactor.seconds() + GOING_S
            while not daemon.ended.called and self._reactor.seconds() < deadline:
                await deferLater(self._reactor, POLL_S)


class _Daemon(ProcessProtocol):
    """`words`: what it said.  `ended` fires when it is gone."""

    def __init__(self) -> None:
        self.words = b""
        self.ended: Deferred[None] = Deferred()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self.words = (self.words + data)[-MAX_WORDS:]

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(None)

    def send(self, name: str) -> None:
        """Send it a signal, if it lives."""
        if self.transport is not None and self.transport.pid:
            self.transport.signalProcess(name)


def _arguments(
    program: str, drive: NbdDrive | NbdHostDrive, file: Path, pid_file: Path
) -> list[str]:
    if isinstance(drive, NbdDrive):
        server = f"server.type=unix,server.path={_quoted(drive.socket)}"
    else:
        server = f"server.type=inet,server.host={_quoted(drive.host)},server.port={drive.port}"
    writable = "off" if drive.read_only else "on"
    return [
        program,
        *("--blockdev", f"driver=nbd,node-name=disk,{server},export={_quoted(drive.export)}"),
        "--export",
        f"type=fuse,id=file,node-name=disk,mountpoint={_quoted(str(file))},writable={writable}",
        *("--pidfile", str(pid_file)),
    ]


def _quoted(value: str) -> str:
    return value.replace(",", ",,")


def _cannot(drive: Drive, reason: str) -> OpExecError:
    return OpExecError(
        "This operating system's scripts need a disk at a path, and this node can't show"
        f" {drive} as a file: {reason or 'its program said nothing'}"
    )


def _new_place(directory: Path) -> tuple[Path, Path]:
    """(mount point, pid file), of which only the first is there."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 0
    while True:
        file = directory / f"disk{number}"
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            number += 1
            continue
        return file, file.with_suffix(".pid")


def _forget(*files: Path) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def _left_in(directory: Path) -> list[int]:
    """Pids of storage daemons whose pid files are there, and which are what they seem."""
    found = []
    for pid_file in directory.glob("*.pid"):
        pid = pid_in(pid_file)
        if pid is not None and str(pid_file) in arguments_of(pid):
            found.append(pid)
    return found


def _clean(directory: Path) -> None:
    """Unmount what a killed daemon left, and remove the files."""
    for file in directory.glob("disk*"):
        if file.suffix != ".pid":
            command = ["umount", "-l", str(file)]
            subprocess.run(command, check=False, timeout=20, capture_output=True)
        _forget(file)

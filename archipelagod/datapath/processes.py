"""
The data path in processes: a worker for each open volume.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.datapath import messages
from archipelagod.datapath.handover import Handover
from archipelagod.datapath.interface import IDatapath, IServing
from archipelagod.datapath.worker import CONTROL_FD, LOCK_FD
from archipelagod.wire.errors import BY_STATUS, StorageError, StorageUnavailable

START_TIMEOUT_S = 60.0  # recovery after a crash may have to wait for the disk
CLOSE_TIMEOUT_S = 120.0
_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    "import sys; sys.path.insert(0, {root!r}); "
    "from archipelagod.datapath.worker import main; sys.exit(main(sys.argv[1:]))"
)


def worker_command(store_path: str, name: str, session: int) -> list[str]:
    """
    The command that serves a volume: Python without site packages, so that it starts in no time.
    """
    program = _PROGRAM.format(root=_ROOT)
    return [sys.executable, "-I", "-S", "-c", program, store_path, name, str(session)]


class _Process(ProcessProtocol):
    """
    Watches a worker's end, and what it complains of.
    """

    _log = Logger()

    def __init__(self, name: str) -> None:
        self._name = name
        self.ended: Deferred[None] = Deferred()

    def errReceived(self, data: bytes) -> None:
        """See ProcessProtocol."""
        for line in data.decode("utf-8", "replace").splitlines():
            self._log.warn("worker of {volume} said: {line}", volume=self._name, line=line)

    def processEnded(self, reason: Failure) -> None:
        """See ProcessProtocol."""
        self._log.debug("worker of {volume} ended: {why}", volume=self._name, why=str(reason.value))
        self.ended.callback(None)


@implementer(IServing, IReadDescriptor)
class WorkerServing:
    """
    See IServing.  Reads what the worker says.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, name: str, control: socket.socket, changed: Callable[[], None]
    ) -> None:
        self.size_bytes = 0
        self.is_read_only = False
        self.connections = 0
        self.process = _Process(name)
        self.ready: Deferred[None] = Deferred()
        self._reactor = reactor
        self._name = name
        self._control = control
        self._changed = changed
        self._sent = 0
        self._failure: StorageError | None = None
        self._is_gone = False
        self.process.ended.addCallback(lambda _: self._lose())
        reactor.addReader(self)

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return -1 if self._is_gone else self._control.fileno()

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return f"worker of {self._name}"

    def connectionLost(self, reason: Failure) -> None:
        """See IReadDescriptor: the reactor stops."""
        self._lose()

    def doRead(self) -> None:
        """See IReadDescriptor."""
        while not self._is_gone:
            try:
                message = self._control.recv(messages.MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._reactor.removeReader(self)
                return  # the end of the process says the rest
            self._take(message)

    def _take(self, message: bytes) -> None:
        if message[0] == messages.READY:
            self.size_bytes, self.is_read_only = messages.unpack_ready(message)
            self._settle_ready(None)
        elif message[0] == messages.FAILED:
            status, text = messages.unpack_failed(message)
            self._failure = BY_STATUS.get(status, StorageUnavailable)(text)
            self._settle_ready(self._failure)
        elif message[0] == messages.ENDED:
            served, now = messages.unpack_ended(message)
            self.connections = self._sent - served + now
            self._changed()

    def _settle_ready(self, failure: StorageError | None) -> None:
        if self.ready.called:
            return
        if failure is None:
            self.ready.callback(None)
        else:
            self.ready.errback(failure)

    def _lose(self) -> None:
        if self._is_gone:
            return
        self.doRead()  # its last words
        self._reactor.removeReader(self)
        self._is_gone = True
        self._control.close()
        self._settle_ready(StorageUnavailable(f"{self._name}: its worker died"))
        self.connections = 0
        self._changed()

    def serve(self, sock: socket.socket, handover: Handover) -> None:
        """See IServing."""
        with sock:
            if self._is_gone:
                raise StorageUnavailable(f"{self._name}: its worker died")
            try:
                socket.send_fds(self._control, [messages.pack_serve(handover)], [sock.fileno()])
            except OSError as error:
                raise StorageUnavailable(f"{self._name}: {error}") from error
        self._sent += 1
        self.connections += 1

    def kill(self) -> None:
        """
        Ends the worker at once: the next opening takes it from there.
        """
        if not self._is_gone:
            assert self.process.transport is not None
            self.process.transport.signalProcess("KILL")

    def gone(self) -> Deferred[None]:
        """
        Fires when the worker has ended.
        """
        ended: Deferred[None] = Deferred()

        def tell(_: None) -> None:
            if not ended.called:
                ended.callback(None)

        self.process.ended.addCallback(tell)
        return ended

    async def close(self) -> None:
        """See IServing."""
        if not self._is_gone:
            try:
                self._control.send(bytes([messages.CLOSE]))
            except OSError as error:
                self._log.warn("worker of {volume}: {error}", volume=self._name, error=str(error))
            try:
                await self.gone().addTimeout(CLOSE_TIMEOUT_S, self._reactor)
            except defer.TimeoutError:
                self._failure = StorageUnavailable(f"{self._name}: its worker did not end")
                self.kill()
                await self.gone()
        if self._failure is not None:
            raise self._failure


@implementer(IDatapath)
class ProcessDatapath:
    """
    See IDatapath.

    store_path: directory of a file store.  lock_fd: a descriptor that holds the lock on the store;
    the workers inherit it.
    """

    def __init__(self, reactor: Any, store_path: str, lock_fd: int) -> None:
        self._reactor = reactor
        self._store_path = store_path
        self._lock_fd = lock_fd

    async def open(self, name: str, session: int, changed: Callable[[], None]) -> WorkerServing:
        """See IDatapath."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        serving = WorkerServing(self._reactor, name, ours, changed)
        null = os.open(os.devnull, os.O_RDWR)
        try:
            command = worker_command(self._store_path, name, session)
            self._reactor.spawnProcess(
                serving.process,
                command[0],
                command,
                env={},
                childFDs={
                    0: null,
                    1: null,
                    2: "r",
                    CONTROL_FD: theirs.fileno(),
                    LOCK_FD: self._lock_fd,
                },
            )
        finally:
            os.close(null)
            theirs.close()
        try:
            await serving.ready.addTimeout(START_TIMEOUT_S, self._reactor)
        except defer.TimeoutError:
            serving.kill()
            raise StorageUnavailable(f"{name}: its worker did not start") from None
        except StorageError:
            await serving.gone()
            raise
        return serving

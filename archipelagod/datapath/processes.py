"""
The data path in processes: some workers, each of which serves many volumes.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.datapath.control import Control
from archipelagod.datapath.gathering import Gathering
from archipelagod.datapath.handover import AnyHandover
from archipelagod.datapath.interface import IDatapath, IServing
from archipelagod.datapath.messages import split_handover
from archipelagod.datapath.worker import CONTROL_FD
from archipelagod.volume.freezing import NewMap
from archipelagod.volume.volume import Usage
from archipelagod.wire.errors import StorageError, StorageUnavailable
from archipelagod.wire.values import Limits

OPEN_TIMEOUT_S = 60.0  # recovery after a crash may have to wait for the disk
CLOSE_TIMEOUT_S = 120.0
CALL_TIMEOUT_S = 60.0
END_TIMEOUT_S = 10.0  # of a process that has nothing more to do
_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    "import sys; sys.path.insert(0, {root!r}); "
    "from archipelagod.datapath.worker import main; main(sys.argv[1:])"
)


def worker_command(store_spec: str) -> list[str]:
    """
    The command of a worker: Python without site packages, so that it starts in no time.
    """
    program = _PROGRAM.format(root=_ROOT)
    return [sys.executable, "-I", "-S", "-c", program, store_spec]


class _Process(ProcessProtocol):
    """
    Watches a worker's end, and what it complains of.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def errReceived(self, data: bytes) -> None:
        """See ProcessProtocol."""
        for line in data.decode("utf-8", "replace").splitlines():
            self._log.warn("a worker said: {line}", line=line)

    def processEnded(self, reason: Failure) -> None:
        """See ProcessProtocol."""
        self._log.debug("a worker ended: {why}", why=str(reason.value))
        self.ended.callback(None)


class Worker:
    """
    A worker process, and the volumes that it serves.
    """

    _log = Logger()

    def __init__(self, reactor: Any, store_spec: str, lost: Callable[[Worker], None]) -> None:
        self.servings: dict[int, WorkerServing] = {}
        self.opening = 0  # volumes that are on their way
        self._reactor = reactor
        self._lost = lost
        self._process = _Process()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = Control(reactor, ours, self._heard, self._gone)
        self.gathering = Gathering(reactor, self._figures)
        null = os.open(os.devnull, os.O_RDWR)
        fds: dict[int, Any] = {0: null, 1: null, 2: "r", CONTROL_FD: theirs.fileno()}
        command = worker_command(store_spec)
        try:
            reactor.spawnProcess(self._process, command[0], command, env={}, childFDs=fds)
        finally:
            os.close(null)
            theirs.close()

    @property
    def load(self) -> int:
        """
        How many volumes it has.
        """
        return len(self.servings) + self.opening

    async def _figures(self, numbers: list[int]) -> list[dict[str, Any] | None]:
        head = {"do": "statistics", "volume": 0, "volumes": numbers}
        found: list[dict[str, Any] | None] = await self.control.ask(head, CALL_TIMEOUT_S)
        return found

    def _heard(self, head: dict[str, Any]) -> None:
        serving = self.servings.get(head["volume"])
        if serving is None:
            return
        if "gone" in head:
            serving.client_gone(head["gone"])
        else:
            serving.size_bytes = head["size_bytes"]

    def _gone(self) -> None:
        self._lost(self)
        servings, self.servings = self.servings, {}
        if servings:
            self._log.error("a worker died that served {count} volumes", count=len(servings))
        for serving in servings.values():
            serving.worker_gone()

    def give_up(self, number: int) -> None:
        """
        An opening is not wanted any more.
        """
        closing = self.control.ask({"do": "close", "volume": number}, CLOSE_TIMEOUT_S)
        Deferred.fromCoroutine(closing).addErrback(lambda failure: failure.trap(StorageError))

    async def end(self) -> None:
        """
        Returns when the process is gone.
        """
        self.control.close()
        try:
            await self._process.ended.addTimeout(END_TIMEOUT_S, self._reactor)
        except defer.TimeoutError:
            self._log.error("a worker does not end: it is killed")
            if self._process.transport is not None:
                self._process.transport.signalProcess("KILL")


@implementer(IServing)
class WorkerServing:
    """
    See IServing.

    number: the worker's name for this opening.
    """

    def __init__(
        self,
        name: str,
        worker: Worker,
        number: int,
        opened: dict[str, Any],
        lost: Callable[[], None],
    ) -> None:
        self.size_bytes: int = opened["size_bytes"]
        self.is_read_only: bool = opened["is_read_only"]
        self.is_standby: bool = opened["is_standby"]
        self._name = name
        self._worker = worker
        self._number = number
        self._lost = lost
        self._clients: dict[int, Callable[[], None]] = {}
        self._next_client = itertools.count(1)

    @property
    def connections(self) -> int:
        """See IServing."""
        return len(self._clients)

    def serve(self, sock: socket.socket, handover: AnyHandover, gone: Callable[[], None]) -> None:
        """See IServing."""
        client = next(self._next_client)
        fields, tail = split_handover(handover)
        head = {"do": "serve", "volume": self._number, "client": client, "handover": fields}
        self._worker.control.give(head, tail, sock)
        self._clients[client] = gone

    def client_gone(self, client: int) -> None:
        """
        The worker says so.
        """
        gone = self._clients.pop(client, None)
        if gone is not None:
            gone()

    def worker_gone(self) -> None:
        """
        Nothing is served any more.
        """
        for client in list(self._clients):
            self.client_gone(client)
        self._lost()

    async def _ask(self, what: str, timeout_s: float = CALL_TIMEOUT_S, **more: Any) -> Any:
        head = {"do": what, "volume": self._number, **more}
        try:
            return await self._worker.control.ask(head, timeout_s)
        except StorageUnavailable as error:
            raise StorageUnavailable(f"{self._name}: {error}") from error

    async def snapshot(self, new: NewMap) -> None:
        """See IServing."""
        await self._ask("snapshot", new=new)

    async def resize(self, size_bytes: int) -> None:
        """See IServing."""
        await self._ask("resize", size=size_bytes)

    async def mapping(self, offset: int, size: int) -> list[tuple[int, int, str]]:
        """See IServing."""
        found = await self._ask("mapping", offset=offset, size=size)
        return [(start, length, kind) for start, length, kind in found]

    async def own(self, offset: int, size: int) -> None:
        """See IServing."""
        await self._ask("own", CLOSE_TIMEOUT_S, offset=offset, size=size)

    async def usage(self) -> Usage:
        """See IServing."""
        return Usage(*await self._ask("usage"))

    async def set_limits(self, limits: Limits) -> None:
        """See IServing."""
        await self._ask("limits", limits=limits)

    async def statistics(self) -> dict[str, Any]:
        """See IServing."""
        return await self._worker.gathering.statistics(self._number)

    async def close(self) -> None:
        """See IServing."""
        if self._worker.servings.pop(self._number, None) is not None:
            try:
                await self._ask("close", CLOSE_TIMEOUT_S)
            finally:
                for client in list(self._clients):
                    self.client_gone(client)


@implementer(IDatapath)
class ProcessDatapath:
    """
    See IDatapath.

    store_spec: what ``open_store`` takes.  most: workers at a time; they start when needed.
    """

    def __init__(self, reactor: Any, store_spec: str, most: int) -> None:
        self._reactor = reactor
        self._store_spec = store_spec
        self._most = most
        self._workers: list[Worker] = []
        self._numbers = itertools.count(1)

    def _least_loaded(self) -> Worker:
        worker = min(self._workers, key=lambda each: each.load, default=None)
        if worker is None or (worker.load and len(self._workers) < self._most):
            worker = Worker(self._reactor, self._store_spec, self._workers.remove)
            self._workers.append(worker)
        return worker

    async def open(
        self, name: str, session: int, lost: Callable[[], None], may_stand_by: bool = False
    ) -> WorkerServing:
        """See IDatapath."""
        worker = self._least_loaded()
        number = next(self._numbers)
        opening = {
            "do": "open",
            "volume": number,
            "name": name,
            "session": session,
            "may_stand_by": may_stand_by,
        }
        worker.opening += 1
        try:
            opened = await worker.control.ask(opening, OPEN_TIMEOUT_S)
        except StorageUnavailable as error:
            worker.give_up(number)  # it may have been only late
            raise StorageUnavailable(f"{name}: {error}") from error
        finally:
            worker.opening -= 1
        serving = WorkerServing(name, worker, number, opened, lost)
        worker.servings[number] = serving
        return serving

    async def close(self) -> None:
        """See IDatapath."""
        for worker in list(self._workers):
            await worker.end()

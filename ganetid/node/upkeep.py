"""
What is done now and then: logs cut short, remains removed, old jobs archived.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import DropDebris
from ganetid.console.serial_log import shorten
from ganetid.jobs.journal import Commit, Journal
from ganetid.jobs.stamps import Stamps
from ganetid.node.machine import Node
from ganetid.node.registry import Nodes
from ganetid.opcodes.errors import OpcodeError

HOUR_US = 3600 * 1_000_000
ARCHIVE_AFTER_US = 6 * HOUR_US  # as Ganeti's watcher does
FORGET_AFTER_US = 7 * 24 * HOUR_US


class Periodic(Service):
    """Does `work` every so many seconds; a failure is logged and the next turn comes."""

    _log = Logger()

    def __init__(
        self, reactor: Any, every_s: float, what: str, work: Callable[[], Awaitable[Any]]
    ) -> None:
        self._every_s = every_s
        self._what = what
        self._work = work
        self._loop = LoopingCall(self._turn)
        self._loop.clock = reactor

    def startService(self) -> None:
        """The first turn comes after one period."""
        super().startService()
        self._loop.start(self._every_s, now=False)

    def stopService(self) -> None:
        """A turn that has begun goes on to its end."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _turn(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._work_and_log())

    async def _work_and_log(self) -> None:
        try:
            await self._work()
        except Exception:  # noqa: BLE001 - the edge of a service: logged
            self._log.failure("{what} failed", what=self._what)


async def shorten_logs(node: Node) -> None:
    """Keep the serial logs of running guests within bounds."""
    for name in sorted(node.running):
        await deferToThread(shorten, node.console_log_path(name))


async def remove_debris(
    cluster: Configuration, nodes: Nodes, commit: Callable[[Commit], Awaitable[None]]
) -> None:
    """Remove what failed jobs had to leave; what resists is tried again at the next turn."""
    for debris in list(cluster.debris):
        try:
            await nodes.named(debris.node or nodes.own.name).remove_debris(debris)
        except OpcodeError:
            continue
        await commit(Commit(changes=(DropDebris(debris),)))


async def archive_jobs(journal: Journal, stamps: Stamps) -> None:
    """Archive jobs that ended 6 hours ago, forget those of a week ago."""
    now = stamps.next()
    await journal.archive(now - ARCHIVE_AFTER_US, now - FORGET_AFTER_US)

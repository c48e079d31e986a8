"""
Guests that end without being asked to: entered in the configuration, and told.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ADMIN_DOWN, ADMIN_UP, SOURCE_USER, PutInstance
from ganetid.events.messages import Newsroom
from ganetid.hypervisor.interface import Ended
from ganetid.jobs.journal import Commit
from ganetid.jobs.locks import Lock
from ganetid.jobs.queue import JobQueue, Stopped
from ganetid.jobs.stamps import Stamps
from ganetid.node.registry import Nodes
from ganetid.opcodes.instances import changed


@frozen
class GuestWatch:
    """
    Takes what hypervisors tell of guests that ended.

    A guest that powered itself off is then down by its user's wish.  One that died should run, so
    it stays admin-up and shows as ERROR_down.  Either is told as a shutdown.
    """

    cluster: Configuration
    nodes: Nodes
    queue: JobQueue
    newsroom: Newsroom
    stamps: Stamps
    now: Callable[[], float]
    _log = Logger()

    def ended(self, end: Ended) -> None:
        """A guest ended."""
        Deferred.fromCoroutine(self.enter(end)).addErrback(self._report, end)

    async def enter(self, end: Ended) -> None:
        """Enter it, as soon as no job works on the instance."""

        async def work() -> Commit:
            return await self._entered(end)

        await self.queue.under((Lock("instance", end.name),), work)

    async def _entered(self, end: Ended) -> Commit:
        instance = self.cluster.instances.get(end.name)
        if (
            instance is None
            or instance.admin_state != ADMIN_UP
            or self.nodes.seems_running(instance)
        ):
            return Commit()
        self._log.warn("guest {name} ended: {reason}", name=end.name, reason=end.reason)
        await self.nodes.of(instance).tidy_after(instance)
        changes: tuple[PutInstance, ...] = ()
        if end.by_guest:
            changes = changed(
                instance, self.now(), admin_state=ADMIN_DOWN, admin_state_source=SOURCE_USER
            )
        at = self.stamps.next()
        message = self.newsroom.of_guest_end(instance, end.reason, at)
        return Commit(changes=changes, messages=(message,), last_stamp=at)

    def _report(self, failure: Failure, end: Ended) -> None:
        if failure.check(Stopped) is None:
            self._log.failure("the end of guest {name} was not entered", failure, name=end.name)

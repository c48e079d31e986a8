"""
The master keeps its candidates in sync: all that are reachable, again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, FirstError
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.jobs.database import Database
from ganetid.node.fleet import Fleet
from ganetid.node.membership import OlderMaster
from ganetid.node.remote import RemoteNode
from ganetid.node.rpc.client import Rejected, Unreachable
from ganetid.replication.copying import copy_database
from ganetid.replication.election import may_be_outvoted
from ganetid.replication.recording import RecordingConnection
from ganetid.replication.shipping import Replicator
from ganetid.roles.node import NodeHalf

LOOK_EVERY_S = 1.0


class Candidates(Service):
    """Replication, as a part of the master half."""

    name = "candidates"
    _log = Logger()

    def __init__(
        self, reactor: Any, half: NodeHalf, deposed: Callable[[OlderMaster], None]
    ) -> None:
        self._reactor = reactor
        self._half = half
        self._deposed = deposed
        self._fleet: Fleet | None = None
        self._replicator: Replicator | None = None
        self._is_alone = False
        self._begun: set[Deferred[Any]] = set()
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def begin_with(self, fleet: Fleet) -> None:
        """Whose nodes they are."""
        self._fleet = fleet

    async def ship(self, database: Database) -> None:
        """From now on every commit goes to those that are in sync."""
        path = self._half.directories.state / "cluster.db"
        replicator = Replicator(
            reactor=self._reactor,
            reign="",
            copy=lambda: deferToThread(copy_database, path),
            files=self._half.files,
            tell=self._tell,
            deposed=self._deposed,
        )
        replicator.reign = await database.transact(
            lambda connection: cast("RecordingConnection", connection).begin_shipping(
                replicator.ship
            )
        )
        self._replicator = replicator

    def in_sync(self, master: str) -> tuple[str, ...]:
        """Names of the master and of candidates that have every acknowledged commit."""
        followers = self._replicator.in_sync() if self._replicator else ()
        return tuple(sorted({master, *followers}))

    def startService(self) -> None:
        """Tell who is in sync, and look for candidates at once."""
        super().startService()
        if self._replicator is not None:
            self._begin(self._replicator.settle(), "telling all")
        self._loop.start(LOOK_EVERY_S)

    def stopService(self) -> None:
        """Take up no more."""
        super().stopService()
        self._loop.stop()

    async def give_files(self) -> None:
        """Give all candidates what a master needs beside the journal, as it is now."""
        if self._replicator is not None:
            await self._replicator.give_files()

    def look(self) -> None:
        """Look now: a node has come."""
        if self.running:
            self._look()

    def close(self) -> None:
        """Wait for nobody any more."""
        for begun in list(self._begun):
            begun.cancel()
        if self._replicator is not None:
            self._replicator.close()

    def go_alone(self) -> None:
        """The administrator says that nodes that don't answer have no other master."""
        self._is_alone = True

    def is_cut_off(self, heard: list[str]) -> bool:
        """Whether nodes beside those that are heard may have chosen another master."""
        membership = self._half.membership
        if membership.view is None or self._is_alone:
            return False
        return may_be_outvoted(membership.name, membership.view, heard)

    async def _tell(self) -> None:
        """
        Returns when so many nodes know who is in sync that the others can't elect one who is not.

        Nobody can tell whether they have done so while they don't answer: what is acknowledged
        before might be lost.
        """
        assert self._fleet is not None
        told = await self._fleet.tell_all()
        has_complained = False
        while self._may_be_outvoted(told):
            if not has_complained:
                has_complained = True
                self._log.critical(
                    "too few nodes answer to be sure that this is the master: changes wait until"
                    " more do, or for ganetid-admin master-failover --no-voting"
                )
            await deferLater(self._reactor, LOOK_EVERY_S)
            told = await self._fleet.tell_late(only_reachable=False)

    def _may_be_outvoted(self, told: list[str]) -> bool:
        membership = self._half.membership
        if membership.view is None:
            return False
        outvoted = may_be_outvoted(membership.name, membership.view, told)
        self._is_alone = self._is_alone and outvoted
        return outvoted and not self._is_alone

    def _look(self) -> None:
        """Take up candidates that came, let go of nodes that are candidates no more."""
        assert self._fleet is not None
        replicator = self._replicator
        if replicator is None:
            return
        members = self._fleet.cluster.members
        wanted = {
            node.name: node
            for node in self._fleet.remote()
            if node.name in members and members[node.name].master_candidate
        }
        self._begin(self._fleet.tell_late(), "told late")
        for name in set(replicator.followers) - set(wanted):
            self._begin(replicator.forget(name), name)
        for name, node in wanted.items():
            if node.is_reachable:
                self._begin(self._follow(node), name)

    async def _follow(self, node: RemoteNode) -> None:
        assert self._replicator is not None
        try:
            await self._replicator.follow(node.client)
        except (Unreachable, Rejected, CancelledError, OSError) as error:
            self._log.warn("candidate {name} is not in sync: {error}", name=node.name, error=error)
        except OlderMaster as older:
            self._deposed(older)

    def _report(self, failure: Failure, name: str) -> None:
        if isinstance(failure.value, FirstError):
            failure = failure.value.subFailure
        if failure.check(CancelledError) is None:
            self._log.failure("candidate {name} broke", failure, name=name)

    def _begin(self, work: Any, name: str) -> None:
        begun = Deferred.fromCoroutine(work)
        self._begun.add(begun)
        begun.addErrback(self._report, name)
        begun.addBoth(lambda _: self._begun.discard(begun))

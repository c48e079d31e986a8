"""
What the master does now and then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen
from twisted.application.service import MultiService

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change
from ganetid.jobs.journal import Commit, Journal
from ganetid.jobs.queue import JobQueue
from ganetid.jobs.stamps import Stamps
from ganetid.node.registry import Nodes
from ganetid.node.spares import SpareKeeper
from ganetid.node.upkeep import Periodic, archive_jobs, remove_debris, shorten_logs
from ganetid.node.watcher import Watcher
from ganetid.roles.distribution import Distribution
from ganetid.roles.node import NodeHalf
from ganetid.roles.own_address import OwnAddress


@frozen
class Chores:
    """
    Periodic work of a master.

    store: makes changes durable and takes them over.  submit: makes a job of one opcode.
    """

    reactor: Any
    half: NodeHalf
    cluster: Configuration
    nodes: Nodes
    queue: JobQueue
    journal: Journal
    stamps: Stamps
    distribution: Distribution
    address: OwnAddress
    store: Callable[[tuple[Change, ...]], Awaitable[None]]
    submit: Callable[[str, Mapping[str, Any]], Awaitable[int]]

    def add_to(self, parent: MultiService) -> None:
        """Do them while `parent` runs."""
        node, cluster, nodes = self.half.node, self.cluster, self.nodes
        chores: list[tuple[float, str, Callable[[], Awaitable[Any]]]] = [
            (10, "reading this machine's resources", node.facts),
            (30, "cutting serial logs short", lambda: shorten_logs(node)),
            (60, "removing what failed jobs left", self._remove_debris),
            (1, "bringing the configuration to nodes", self.distribution.look),
            (1, "holding the cluster's address", self.address.look),
            (10, "spreading spare config drives", SpareKeeper(cluster, nodes).look),
            (3600, "archiving jobs", lambda: archive_jobs(self.journal, self.stamps)),
        ]
        if self.half.settings.watcher_interval_s > 0:
            chores.append((self.half.settings.watcher_interval_s, "the watcher", self._watch()))
        for every_s, what, work in chores:
            Periodic(self.reactor, every_s, what, work).setServiceParent(parent)

    async def _remove_debris(self) -> None:
        async def commit(commit: Commit) -> None:
            await self.store(commit.changes)

        await remove_debris(self.cluster, self.nodes, commit)

    def _watch(self) -> Callable[[], Awaitable[None]]:
        settings = self.half.settings
        return Watcher(
            reactor=self.reactor,
            cluster=self.cluster,
            nodes=self.nodes,
            submit=self.submit,
            busy=lambda: frozenset(
                lock.thing[1] for lock in self.queue.locks() if lock.thing[0] == "instance"
            ),
            state=self.half.directories.state,
            fence_program=settings.fence_program,
            fence_after_s=settings.fence_after_s,
        ).look

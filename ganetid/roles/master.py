"""
What only the master runs: the journal, the job queue, news, upkeep and the hold on other nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from attrs import evolve
from twisted.application.service import MultiService
from twisted.internet.defer import succeed
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.first_start import missing_changes
from ganetid.cluster.model import Change, ClusterFacts, PutFacts
from ganetid.events.feed import EventFeed, all_of
from ganetid.events.messages import Newsroom
from ganetid.events.outbox import Postman
from ganetid.events.webhooks import Webhooks, public_poster
from ganetid.hooks.runner import HookRunner, on_nodes
from ganetid.hypervisor.interface import Ended
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.desk import Desk
from ganetid.jobs.files import JobFiles
from ganetid.jobs.journal import Commit, Journal
from ganetid.jobs.queue import JobQueue, Order
from ganetid.jobs.stamps import Stamps
from ganetid.network.router_keeper import RouterKeeper
from ganetid.network.sharing import Sharing
from ganetid.node.facts import boot_id
from ganetid.node.fleet import Fleet
from ganetid.node.interface import INode
from ganetid.node.leash import Leash
from ganetid.node.membership import OlderMaster
from ganetid.node.registry import Nodes
from ganetid.node.remote import RemoteNode
from ganetid.node.upkeep import Periodic
from ganetid.node.watch import GuestWatch
from ganetid.opcodes.table import OPCODES
from ganetid.rapi.api import Api
from ganetid.replication.recording import RecordingConnection
from ganetid.roles.candidates import Candidates
from ganetid.roles.chores import Chores
from ganetid.roles.distribution import Distribution
from ganetid.roles.invitations import join_door
from ganetid.roles.node import NodeHalf
from ganetid.roles.own_address import OwnAddress
from ganetid.roles.own_node import load, moves_under_way, own_changes, take_up_own
from ganetid.roles.progress import Progress
from ganetid.roles.rapi import RapiPort
from ganetid.roles.renewal import Renewal, RenewalDoors
from synnefo_tx.daemon.bus.interface import IPublisher

SHARE_AGAIN_S = 2.0


class MasterHalf(MultiService):
    """
    The master of a cluster.  Begin with `begin`, end with `end`.

    deposed: is called when a newer master is heard of.
    """

    name = "master"
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        half: NodeHalf,
        publisher: IPublisher,
        rapi: RapiPort,
        deposed: Callable[[OlderMaster], None],
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._half = half
        self._settings = half.settings
        self._publisher = publisher
        self._rapi = rapi
        self._deposed = deposed
        self._stamps = Stamps(reactor.seconds)
        self._newsroom = Newsroom(
            lambda: self.cluster.cluster_name,
            self._settings.queue_prefix,
            self._settings.strict_compat,
        )
        self._journal: Journal | None = None
        self._watch: GuestWatch | None = None
        self._queue: JobQueue | None = None
        self._feed: EventFeed | None = None
        self._progress: Progress
        self._distribution: Distribution
        self._address: OwnAddress | None = None
        self._sharing: Sharing | None = None
        self.router_keeper: RouterKeeper | None = None
        self.fleet: Fleet | None = None
        self.candidates = Candidates(reactor, half, self._deposed)
        self.renewal: RenewalDoors | None = None
        self._leash = Leash(half.node, half.underway, half.membership)
        self.cluster = Configuration(
            self._settings.cluster_name, half.membership.name, ClusterFacts("", "", "", 0.0)
        )

    async def begin(self) -> None:
        """Take up the cluster as the journal has it.  Raises OSError."""
        super().startService()
        database = Database(
            self._half.directories.state / "cluster.db",
            OneThread(self._reactor, "journal"),
            OneThread(self._reactor, "journal reader"),
        )
        if self._half.has_rpc:
            database.connection_class = RecordingConnection
        journal = self._journal = Journal(database)
        beginning = await journal.begin(self._reactor.seconds())
        cluster = self.cluster
        load(cluster, beginning)
        if cluster.facts.destroyed:
            raise OSError(f"{cluster.cluster_name} was destroyed: remove its state directory")
        nodes = Nodes(cast("INode", self._leash))
        nodes.expected.update(moves_under_way(beginning))
        now = self._reactor.seconds()
        await self._store(missing_changes(cluster, now))
        await self._store(own_changes(self._half, cluster, now))
        self._distribution = Distribution(cluster, nodes, self._tell_all)
        self._distribution.begin()
        nodes.distribution = self._distribution
        self._half.group = lambda: cluster.members[cluster.node_name].group
        queue = self._build_queue(journal, nodes)
        queue.begin(beginning)
        await queue.look_up_dependencies()
        rebooted = await self._note_boot()
        await self._half.underway.former_ended(self._half.membership.epoch)
        ended = await take_up_own(self._half.node, cluster, nodes)
        self._address = OwnAddress(
            cluster,
            self._half.node,
            lambda: self.candidates.is_cut_off(
                [each for each in cluster.members if nodes.is_up(each)]
            ),
            self._reactor.seconds,
        )
        await self._address.look()
        await self._share(nodes)
        if self._half.has_rpc:
            await self._reach_others(nodes, queue, database)
        Chores(
            self._reactor,
            self._half,
            cluster,
            nodes,
            queue,
            journal,
            self._stamps,
            self._distribution,
            self._address,
            self._store,
            self.submit,
        ).add_to(self)
        queue.setServiceParent(self)
        await self._rapi.listen(self._api(nodes, queue))
        await self._follow_up(queue, ended, rebooted)
        self._log.info(
            "cluster {name} is up: {instances} instances, {networks} networks, {members} nodes,"
            " port {port}",
            name=cluster.cluster_name,
            instances=len(cluster.instances),
            networks=len(cluster.networks),
            members=len(cluster.members),
            port=self._rapi.port,
        )

    async def end(self) -> None:
        """Let jobs end that soon do, and let go of all nodes."""
        await self._rapi.close()
        if self._sharing is not None:
            self._sharing.close()
        await (super().stopService() or succeed(None))
        self._leash.let_go()
        self._half.group = None
        if self._address is not None:
            await self._address.release()
        if self._watch is not None:
            self._half.node.forget(self._watch.ended)
        if self.fleet is not None:
            await self.fleet.close()
        self.candidates.close()
        if self._journal is not None:
            await self._journal.close()

    async def submit(self, op_id: str, given: Mapping[str, Any]) -> int:
        """The id of a new job of one opcode.  Raises BadParameters, QueueFull, Stopped."""
        assert self._queue is not None
        return await self._queue.submit(Order(((op_id, given),)))

    def _build_queue(self, journal: Journal, nodes: Nodes) -> JobQueue:
        postman = Postman(self._reactor, journal, self._publisher)
        postman.setServiceParent(self)
        seconds = self._reactor.seconds
        hooks = HookRunner(on_nodes(nodes), str(self._half.directories.state))
        desk = Desk(OPCODES, self.cluster, nodes, self._stamps, self._newsroom, seconds, hooks)
        feed = self._feed = EventFeed(self._reactor, journal)
        told = all_of(postman.wake, feed.wake)
        queue = self._queue = JobQueue(self._reactor, journal, desk, told)
        if self._settings.job_files_dir is not None:
            files = JobFiles(Path(self._settings.job_files_dir))
            files.setServiceParent(self)
            queue.watchers.listen(files.heard)
        watch = GuestWatch(self.cluster, nodes, queue, self._newsroom, self._stamps, seconds)
        self._watch = watch
        nodes.own.watch(watch.ended)
        self._progress = Progress(journal, self._newsroom, told, self)
        if self._half.node.systems is not None:
            self._half.node.systems.watch(self._progress.heard)
        return queue

    def _api(self, nodes: Nodes, queue: JobQueue) -> Api:
        """The remote API, with events and those that are posted."""
        feed = self._feed
        assert feed is not None
        path = self._half.directories.state / "webhooks.json"
        hooks = Webhooks(self._reactor, feed, path, public_poster(self._reactor))
        hooks.setServiceParent(self)
        strict = self._settings.strict_compat
        api = Api(self.cluster, nodes, queue, OPCODES, strict, feed=feed, hooks=hooks)
        queue.watchers.listen(api.meter.jobs.heard)
        return api

    async def _reach_others(self, nodes: Nodes, queue: JobQueue, database: Database) -> None:
        fleet = self.fleet = Fleet(
            reactor=self._reactor,
            cluster=self.cluster,
            nodes=nodes,
            membership=self._half.membership,
            identity=lambda: self._half.identity,
            in_sync=lambda: self.candidates.in_sync(self.cluster.node_name),
            ended=self._ended,
            progressed=self._progress.heard,
            came=self._take_up,
            deposed=self._deposed,
        )
        if self.renewal is not None:
            fleet.renewal = Renewal(
                self._half, self.cluster, fleet, self.renewal, self.candidates.give_files
            ).renew
        self.candidates.begin_with(fleet)
        await self.candidates.ship(database)
        await fleet.begin()
        self.candidates.setServiceParent(self)
        view = self._half.membership
        self._half.site.doors["join"] = join_door(self._half, queue, view, self._reactor)

    async def _share(self, nodes: Nodes) -> None:
        """Security groups and routers: this node's now, and from now on everybody's."""
        sharing = self._sharing = Sharing(self.cluster, nodes)
        sharing.begin()
        own = self._half.node
        await sharing.take_up(own.name, lambda name, given: getattr(own, name)(given))
        seconds = self._reactor.seconds
        keeper = self.router_keeper = RouterKeeper(self.cluster, nodes, self.submit, seconds)
        for what, look in (
            ("telling nodes of security groups", sharing.look),
            ("looking for routers of nodes that are away", keeper.look),
        ):
            Periodic(self._reactor, SHARE_AGAIN_S, what, look).setServiceParent(self)

    async def _take_up(self, node: RemoteNode) -> None:
        await node.call_named("release_cluster_address")
        if self._sharing is not None:
            await self._sharing.take_up(node.name, node.call_named)
        self._distribution.came(node.name)
        self._reactor.callLater(0, self.candidates.look)

    async def _tell_all(self) -> None:
        """Bring to nodes who is there, and to candidates what a master needs."""
        if self.fleet is not None:
            await self.fleet.tell_all()
            await self.candidates.give_files()

    def _ended(self, end: Ended) -> None:
        assert self._watch is not None
        self._watch.ended(end)

    async def _note_boot(self) -> bool:
        """Whether this machine was booted since we last ran."""
        now, before = boot_id(), self.cluster.facts.boot_id
        if now == before:
            return False
        await self._store((PutFacts(evolve(self.cluster.facts, boot_id=now)),))
        return before != ""

    async def _store(self, changes: tuple[Change, ...]) -> None:
        if changes:
            assert self._journal is not None
            await self._journal.commit(Commit(changes=changes))
            self.cluster.apply(changes)

    async def _follow_up(self, queue: JobQueue, ended: tuple[Ended, ...], rebooted: bool) -> None:
        """Guests that a reboot of this machine ended start again; other ends are entered."""
        for each in ended:
            if rebooted and not each.by_guest:
                await queue.submit(Order((("OP_INSTANCE_STARTUP", {"instance_name": each.name}),)))
            else:
                self._ended(each)

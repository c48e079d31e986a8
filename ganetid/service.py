"""
ganetid as a Twisted service.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
from attrs import evolve
from OpenSSL.SSL import Error as TlsError
from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.first_start import missing_changes
from ganetid.cluster.model import ADMIN_UP, Change, ClusterFacts, Instance, PutFacts
from ganetid.disks.blocks import IBlocks
from ganetid.events.messages import Newsroom
from ganetid.events.outbox import Postman
from ganetid.hypervisor.accelerator import Accelerator
from ganetid.hypervisor.interface import Ended, IHypervisor
from ganetid.jobs.database import Database, OneThread
from ganetid.jobs.journal import Beginning, Commit, Journal
from ganetid.jobs.model import RUNNING
from ganetid.jobs.queue import JobQueue, Order
from ganetid.jobs.run import Desk
from ganetid.jobs.stamps import Stamps
from ganetid.node.assemble import Directories, build_blocks, build_hypervisor, build_node
from ganetid.node.facts import boot_id
from ganetid.node.machine import Node
from ganetid.node.registry import Nodes
from ganetid.node.upkeep import Periodic, archive_jobs, remove_debris, shorten_logs
from ganetid.node.watch import GuestWatch
from ganetid.opcodes.table import OPCODES
from ganetid.rapi.api import Api
from ganetid.rapi.certificate import make_certificate
from ganetid.rapi.site import site_of
from ganetid.rapi.users import Users
from ganetid.settings import GanetiSettings, check
from synnefo_tx.daemon.bus.interface import IPublisher

SECRET_PATIENCE_S = 30.0
SECRET_POLL_S = 0.2


class Ganetid(MultiService):
    """
    A cluster of one node.

    It is ready when `when_ready` fires; then `rapi_port` is the port of the remote API.
    """

    name = "ganetid"
    _log = Logger()

    def __init__(
        self,
        settings: GanetiSettings,
        reactor: Any,
        publisher: IPublisher,
        blocks: IBlocks | None = None,
        hypervisor: IHypervisor | None = None,
    ) -> None:
        """blocks, hypervisor: instead of those that the settings describe."""
        super().__init__()
        self.settings = settings
        self.rapi_port = settings.rapi_port
        self.certificate = Path(settings.rapi_certificate or f"{settings.state_dir}/rapi.pem")
        self._reactor = reactor
        self._publisher = publisher
        self._blocks = blocks
        self._hypervisor = hypervisor
        self._directories = Directories(Path(settings.state_dir))
        self._stamps = Stamps(reactor.seconds)
        self._newsroom = Newsroom(settings.cluster_name, settings.queue_prefix)
        self._accelerator = Accelerator(
            reactor, settings.accel, settings.qemu, self._directories.state / "accelerator.json"
        )
        self._journal: Journal | None = None
        self._node: Node | None = None
        self._port: Any = None
        self._waiting: list[Deferred[None]] = []
        self._outcome: Failure | bool | None = None
        self._starting: Deferred[None] = succeed(None)
        self._probing: Deferred[Any] = succeed(None)

    def startService(self) -> None:
        """Begin to start."""
        super().startService()
        self._starting = Deferred.fromCoroutine(self._begin())
        self._starting.addCallbacks(lambda _: self._tell(True), self._tell)

    def stopService(self) -> Deferred[None]:
        """Let jobs end that soon do; guests run on."""
        return Deferred.fromCoroutine(self._end())

    def when_ready(self) -> Deferred[None]:
        """Fires when the remote API answers, or fails when it never will."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if self._outcome is not None:
            self._tell(self._outcome)
        return waiting

    def _tell(self, outcome: Failure | bool) -> None:
        self._outcome = outcome
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if isinstance(outcome, Failure):
                each.errback(outcome)
            else:
                each.callback(None)
        if isinstance(outcome, Failure):
            self._log.failure("ganetid could not start", failure=outcome)

    async def _begin(self) -> None:
        check(self.settings)
        await deferToThread(self._directories.make)
        database = Database(
            self._directories.state / "cluster.db", OneThread(self._reactor, "journal")
        )
        journal = self._journal = Journal(database)
        beginning = await journal.begin(self._reactor.seconds())
        cluster = self._configuration(beginning)
        node = await self._build_node(cluster)
        self._node = node
        nodes = Nodes(node)
        await self._store(journal, cluster, missing_changes(cluster, self._reactor.seconds()))
        queue = self._build_queue(journal, cluster, nodes)
        queue.begin(beginning)
        await queue.look_up_dependencies()
        rebooted = await self._note_boot(journal, cluster)
        ended = await self._find_guests(cluster, node)
        self._add_upkeep(journal, cluster, nodes, node)
        queue.setServiceParent(self)
        await self._listen(Api(cluster, nodes, queue, OPCODES))
        if self.settings.hypervisor == "kvm" and self._hypervisor is None:
            self._probing = Deferred.fromCoroutine(self._accelerator.find_out())
            self._probing.addErrback(lambda failure: failure.trap(CancelledError))
        await self._follow_up(queue, ended, rebooted)
        self._log.info(
            "cluster {name} is up: {instances} instances, {networks} networks, port {port}",
            name=cluster.cluster_name,
            instances=len(cluster.instances),
            networks=len(cluster.networks),
            port=self.rapi_port,
        )

    async def _end(self) -> None:
        await self._starting
        self._probing.cancel()
        await self._probing
        if self._port is not None:
            await self._port.stopListening()
        await (super().stopService() or succeed(None))
        if self._node is not None:
            await self._node.close()
        if self._journal is not None:
            await self._journal.close()

    def _configuration(self, beginning: Beginning) -> Configuration:
        empty = ClusterFacts("", "", "", 0.0)
        cluster = Configuration(self.settings.cluster_name, self.settings.name_of_node(), empty)
        cluster.load(beginning.snapshot)
        for instance in _being_made(beginning):
            node = instance.primary_node or cluster.node_name
            cluster.claim(evolve(instance, primary_node=node))
        return cluster

    async def _build_node(self, cluster: Configuration) -> Node:
        blocks = self._blocks or await self._connect_storage()
        hypervisor = self._hypervisor or build_hypervisor(
            self._reactor, self.settings, self._accelerator
        )
        return build_node(self._reactor, self.settings, cluster, hypervisor, blocks)

    async def _connect_storage(self) -> Any:
        """archipelagod may only be starting, and makes the shared secret: wait for it."""
        deadline = self._reactor.seconds() + SECRET_PATIENCE_S
        while True:
            try:
                return build_blocks(self._reactor, self.settings)
            except FileNotFoundError:
                if self._reactor.seconds() > deadline:
                    raise
            await deferLater(self._reactor, SECRET_POLL_S)

    def _build_queue(self, journal: Journal, cluster: Configuration, nodes: Nodes) -> JobQueue:
        postman = Postman(self._reactor, journal, self._publisher)
        postman.setServiceParent(self)
        desk = Desk(OPCODES, cluster, nodes, self._stamps, self._newsroom, self._reactor.seconds)
        queue = JobQueue(self._reactor, journal, desk, postman.wake)
        watch = GuestWatch(
            cluster, nodes, queue, self._newsroom, self._stamps, self._reactor.seconds
        )
        self._watch = watch
        nodes.own.watch(watch.ended)
        return queue

    async def _note_boot(self, journal: Journal, cluster: Configuration) -> bool:
        """Whether this machine was booted since we last ran."""
        now, before = boot_id(), cluster.facts.boot_id
        if now == before:
            return False
        await self._store(journal, cluster, (PutFacts(evolve(cluster.facts, boot_id=now)),))
        return before != ""

    async def _store(
        self, journal: Journal, cluster: Configuration, changes: tuple[Change, ...]
    ) -> None:
        if changes:
            await journal.commit(Commit(changes=changes))
            cluster.apply(changes)

    async def _find_guests(self, cluster: Configuration, node: Node) -> tuple[Ended, ...]:
        """Find running guests again, remove those of no instance; what has ended meanwhile."""
        ours = cluster.on_node(node.name)
        up = tuple(each.name for each in ours if each.admin_state == ADMIN_UP)
        ended = await node.recover(up, frozenset(each.name for each in ours))
        await node.network.begin(node.running)
        await node.carry(tuple(cluster.networks.values()))
        return ended

    def _add_upkeep(
        self, journal: Journal, cluster: Configuration, nodes: Nodes, node: Node
    ) -> None:
        async def commit(commit: Commit) -> None:
            await self._store(journal, cluster, commit.changes)

        for every_s, what, work in (
            (30, "cutting serial logs short", lambda: shorten_logs(node)),
            (60, "removing what failed jobs left", lambda: remove_debris(cluster, nodes, commit)),
            (3600, "archiving jobs", lambda: archive_jobs(journal, self._stamps)),
        ):
            Periodic(self._reactor, every_s, what, work).setServiceParent(self)

    async def _listen(self, api: Api) -> None:
        if not self.certificate.exists():
            now = dt.datetime.now(dt.UTC)
            await deferToThread(make_certificate, self.certificate, self.settings.rapi_host, now)
        try:
            pem = PrivateCertificate.loadPEM(self.certificate.read_bytes())
        except TlsError as error:
            raise OSError(f"{self.certificate}: no certificate and key in it") from error
        site = site_of(api, Users(Path(self.settings.users_file)), self._reactor)
        self._port = self._reactor.listenSSL(
            self.settings.rapi_port, site, pem.options(), interface=self.settings.rapi_host
        )
        self.rapi_port = self._port.getHost().port

    async def _follow_up(self, queue: JobQueue, ended: tuple[Ended, ...], rebooted: bool) -> None:
        """Guests that a reboot of this machine ended start again; other ends are entered."""
        for each in ended:
            if rebooted and not each.by_guest:
                await queue.submit(Order((("OP_INSTANCE_STARTUP", {"instance_name": each.name}),)))
            else:
                self._watch.ended(each)


def build_service(
    settings: GanetiSettings,
    reactor: Any,
    publisher: IPublisher,
    blocks: IBlocks | None = None,
    hypervisor: IHypervisor | None = None,
) -> Ganetid:
    """ganetid, to be started; see Ganetid for what may be handed in.  Raises SettingsError."""
    check(settings)
    return Ganetid(settings, reactor, publisher, blocks, hypervisor)


def _being_made(beginning: Beginning) -> list[Instance]:
    """Instances that an interrupted job was creating; recovery decides about them."""
    return [
        msgspec.convert(job.made["instance"], Instance)
        for job in beginning.unfinished
        if "instance" in job.made and any(op.status == RUNNING for op in job.ops)
    ]

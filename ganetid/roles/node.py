"""
What every daemon of a cluster runs: its guests, its network, and node RPC for the master.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory

from ganetid.disks.blocks import IBlocks
from ganetid.hypervisor.accelerator import Accelerator
from ganetid.hypervisor.interface import IHypervisor
from ganetid.hypervisor.journeys import MigrationDoor
from ganetid.jobs.database import OneThread
from ganetid.node.assemble import Directories, build_blocks, build_hypervisor, build_node
from ganetid.node.machine import Node
from ganetid.node.membership import Membership
from ganetid.node.news import Newsroom
from ganetid.node.rpc.authority import Identity, KeyFiles, new_authority, new_identity
from ganetid.node.rpc.node_doors import NodeDoors
from ganetid.node.rpc.server import MASTER, Asked, Door, RpcSite
from ganetid.node.rpc.trust import ServerTls
from ganetid.node.rpc.underway import Underway
from ganetid.replication.replica import Files, Replica, read_files, write_files
from ganetid.settings import GanetiSettings

SECRET_PATIENCE_S = 30.0
SECRET_POLL_S = 0.2


class NotJoined(Exception):
    """The settings say that this is a node of a cluster, but it has not joined one."""


class NodeHalf:
    """
    This machine as a node.

    deposed: is called when another node became master.
    group: tells this node's group, while the master half is here and knows it first hand.
    With `node_port` set, it is reached by node RPC at `rpc_port` after `begin`.
    """

    _log = Logger()

    def __init__(
        self,
        settings: GanetiSettings,
        reactor: Any,
        blocks: IBlocks | None,
        hypervisor: IHypervisor | None,
        deposed: Callable[[], None],
    ) -> None:
        """blocks, hypervisor: instead of those that the settings describe."""
        self.settings = settings
        self.directories = Directories(Path(settings.state_dir))
        self.keys = KeyFiles(self.directories.state / "tls")
        self.membership = Membership(
            settings.name_of_node(), self.directories.state / "membership.json"
        )
        self.site = RpcSite(self.membership)
        self.underway = Underway()
        self.rpc_port = 0
        self.group: Callable[[], str] | None = None
        self._reactor = reactor
        self._blocks = blocks
        self._hypervisor = hypervisor
        self._deposed = deposed
        self._accelerator = Accelerator(
            reactor, settings.accel, settings.qemu, self.directories.state / "accelerator.json"
        )
        self._storage: Any = None
        self._node: Node | None = None
        self._newsroom: Newsroom | None = None
        self._identity: Identity | None = None
        self._tls: ServerTls | None = None
        self.replica: Replica | None = None
        self._port: Any = None
        self._connections: Any = None
        self._probing: Deferred[Any] = succeed(None)

    @property
    def node(self) -> Node:
        """The node, after `begin`."""
        assert self._node is not None
        return self._node

    @property
    def identity(self) -> Identity:
        """Its certificate, where there is node RPC."""
        assert self._identity is not None
        return self._identity

    @property
    def has_rpc(self) -> bool:
        """Whether there is node RPC."""
        return self.settings.node_port is not None

    @property
    def address(self) -> tuple[str, int] | None:
        """Where others reach it by node RPC."""
        if not self.has_rpc:
            return None
        return (self.settings.node_address or self.settings.node_host, self.rpc_port)

    @property
    def hears_master(self) -> bool:
        """Whether a master is connected right now."""
        return self._newsroom is not None and self._newsroom.is_heard

    async def begin(self) -> None:
        """Find guests again and carry their networks.  Raises NotJoined, OSError."""
        await deferToThread(self.directories.make)
        await deferToThread(self.membership.load)
        if self.has_rpc:
            self._identity = await deferToThread(self._find_identity)
        if self._blocks is None:
            self._storage = await self._connect_storage()
        blocks = self._blocks or self._storage
        hypervisor = self._hypervisor or build_hypervisor(
            self._reactor, self.settings, self._accelerator
        )
        self._node = build_node(self._reactor, self.settings, hypervisor, blocks)
        self._node.surroundings = self._surroundings
        await self._node.find_guests()
        await self._node.network.begin(self._node.present)
        if self.has_rpc:
            self.replica = Replica(self.directories.state, OneThread(self._reactor, "replica"))
            await self.replica.open()
            await self._open_door()
            self._listen()

    def probe(self) -> None:
        """Find out what accelerates guests, if that is not known yet."""
        if self.settings.hypervisor == "kvm" and self._hypervisor is None:
            self._probing = Deferred.fromCoroutine(self._accelerator.find_out())
            self._probing.addErrback(lambda failure: failure.trap(CancelledError))

    async def end(self) -> None:
        """Let go of everything; guests run on."""
        self._probing.cancel()
        await self._probing
        if self._newsroom is not None:
            self._newsroom.stop()
        if self._port is not None:
            await self._port.stopListening()
            for connection in list(self._connections.protocols):
                connection.transport.abortConnection()
        if self.replica is not None:
            await self.replica.close()
        if self._node is not None:
            await self._node.close()
        if self._storage is not None:
            await self._storage.close()

    def _surroundings(self) -> tuple[str, tuple[str, ...]]:
        if self.group is not None:
            return self.group(), self._peers()
        view = self.membership.view
        return ("default", ()) if view is None else view.surroundings(self.membership.name)

    def _peers(self) -> tuple[str, ...]:
        view = self.membership.view
        return () if view is None else view.surroundings(self.membership.name)[1]

    async def _open_door(self) -> None:
        """How guests of other nodes come in: TCP, encrypted, from nodes of the cluster only."""
        directory = await deferToThread(self.keys.write_for_qemu, self.identity)
        address = self.settings.node_address or self.settings.node_host
        self.node.door = MigrationDoor(address, 0, str(directory))

    def use_identity(self, identity: Identity) -> None:
        """Show another certificate from now on."""
        self._identity = identity
        if self._tls is not None:
            self._tls.use(identity)

    def _find_identity(self) -> Identity:
        """The identity; the first node of a cluster makes the CA and its own.  Blocks."""
        identity = self.keys.identity()
        if identity is not None:
            return identity
        if self.settings.role == "node" or self.membership.view is not None:
            raise NotJoined("this node has joined no cluster: see ganetid-admin node join")
        now = dt.datetime.now(dt.UTC)
        authority = self.keys.authority() or new_authority(self.settings.cluster_name, now)
        self.keys.write_authority(authority)
        identity = new_identity(authority, self.membership.name, now)
        self.keys.write_identity(identity)
        return identity

    def _listen(self) -> None:
        newsroom = self._newsroom = Newsroom(self._reactor, self.node)
        newsroom.start()
        doors = NodeDoors(self.node, newsroom, self.membership, self._deposed, self.underway)
        self.site.doors.update(doors.doors())
        assert self.replica is not None
        self.site.doors.update(self.replica.doors())
        self.site.doors["files"] = Door(self._take_files, MASTER)
        self._tls = ServerTls(self.identity)
        self._connections = WrappingFactory(self.site.site())
        self._port = self._reactor.listenSSL(
            self.settings.node_port,
            self._connections,
            self._tls,
            interface=self.settings.node_host,
        )
        self.rpc_port = self._port.getHost().port

    @property
    def rapi_certificate(self) -> Path:
        """Certificate and key of the remote API."""
        named = self.settings.rapi_certificate
        return Path(named) if named else self.directories.state / "rapi.pem"

    async def files(self) -> Files:
        """What a master needs beside the journal."""
        users = Path(self.settings.users_file)
        return await deferToThread(read_files, self.keys.directory, self.rapi_certificate, users)

    async def _take_files(self, asked: Asked) -> bytes:
        files = msgspec.json.decode(asked.body, type=Files)
        users = Path(self.settings.users_file)
        await deferToThread(write_files, files, self.keys.directory, self.rapi_certificate, users)
        return b"{}"

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

"""
The master's hold on all other nodes: who is reached how, who is told what, who went and came.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
from attrs import define, field
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredLock,
    FirstError,
    gatherResults,
)
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import (
    ADMIN_UP,
    Change,
    DropMember,
    Member,
    Network,
    PutFacts,
    PutMember,
)
from ganetid.hypervisor.interface import Ended
from ganetid.node.interface import INode
from ganetid.node.membership import Membership, OlderMaster, Place, View
from ganetid.node.registry import Nodes
from ganetid.node.remote import RemoteNode
from ganetid.node.rpc.authority import Identity
from ganetid.node.rpc.client import NodeClient, Rejected, Unreachable
from ganetid.opcodes.errors import OpExecError

GREET_AGAIN_S = 0.2


@define(eq=False)
class Fleet:
    """
    Remote nodes, kept as the configuration says.

    identity: this node's.  in_sync: names of candidates that have every acknowledged change.
    ended: is told of guests that should run and do not.
    progressed: is told how far the making of an instance is.
    came: is awaited when a node was taken up.
    deposed: is called when a node follows a newer master.
    former: fingerprints of certificates that are being replaced.  renewal: replaces them all.
    """

    reactor: Any
    cluster: Configuration
    nodes: Nodes
    membership: Membership
    identity: Callable[[], Identity]
    in_sync: Callable[[], tuple[str, ...]]
    ended: Callable[[Ended], None]
    progressed: Callable[[Mapping[str, Any]], None]
    came: Callable[[RemoteNode], Awaitable[None]]
    deposed: Callable[[OlderMaster], None]
    former: dict[str, str] = field(factory=dict)
    renewal: Callable[[Any, Any], Awaitable[None]] | None = None
    _closed: bool = False
    _errands: set[Deferred[None]] = field(factory=set)
    _versions: dict[str, int] = field(factory=dict)
    _keeping: DeferredLock = field(factory=DeferredLock)
    _log = Logger()

    async def begin(self) -> None:
        """Reach for every node."""
        self.nodes.lead_outside(self)
        self.cluster.watch(self._changed)
        await self._keep_view()
        self._follow_members()

    async def close(self) -> None:
        """Let go of them; their guests run on."""
        self._closed = True
        for errand in list(self._errands):
            errand.cancel()
        for node in self.remote():
            self.nodes.drop(node.name)
            await node.close()

    def remote(self) -> list[RemoteNode]:
        """All other nodes that are not offline."""
        return [node for node in self.nodes if isinstance(node, RemoteNode)]

    def view(self, version: int) -> View:
        """The cluster as nodes are to know it."""
        places = tuple(
            Place(
                name=member.name,
                address=member.address,
                fingerprints=tuple(
                    each for each in (member.fingerprint, self.former.get(member.name)) if each
                ),
                candidate=member.master_candidate,
                offline=member.offline,
                group=member.group,
            )
            for member in sorted(self.cluster.members.values(), key=lambda each: each.name)
            if member.address is not None
        )
        facts = self.cluster.facts
        return View(
            self.cluster.cluster_name, self.cluster.master, facts.epoch, version, places,
            self.in_sync(),
        )  # fmt: skip

    async def greet(self, member: Member, patience_s: float) -> None:
        """See IOutside."""
        client = self._client(member)
        deadline = self.reactor.seconds() + patience_s
        try:
            while True:
                try:
                    await self._tell(client)
                except (Unreachable, Rejected) as error:
                    if self._closed or self.reactor.seconds() > deadline:
                        raise OpExecError(
                            f"Node {member.name} does not answer at"
                            f" {member.address}: {error}; is ganetid running there?"
                        ) from error
                else:
                    return
                await deferLater(self.reactor, GREET_AGAIN_S)
        finally:
            await client.close()

    async def renew(self, keep: Any, log: Any) -> None:
        """See IOutside."""
        assert self.renewal is not None
        await self.renewal(keep, log)

    async def tell_all(self) -> list[str]:
        """Tell everybody the view as it is now; names of the nodes that have it."""
        await self._keep_view()
        return await self.tell_late(only_reachable=False)

    async def tell_late(self, only_reachable: bool = True) -> list[str]:
        """Tell those that have not the newest view; names of the nodes that have it."""
        remote = [node for node in self.remote() if node.is_reachable or not only_reachable]
        told = await gatherResults([Deferred.fromCoroutine(self._told(node)) for node in remote])
        return [node.name for node, is_told in zip(remote, told, strict=True) if is_told]

    async def _told(self, node: RemoteNode) -> bool:
        view = self.membership.view
        if self._closed:
            return False
        if view is not None and self._versions.get(node.name) == view.version:
            return True
        try:
            await self._tell(node.client)
        except (Unreachable, Rejected) as error:
            self._log.info("{node} could not be told: {error}", node=node.name, error=error)
            return False
        except OlderMaster as older:
            self.deposed(older)
            return False
        return True

    async def _keep_view(self) -> None:
        async def keep() -> None:
            known = self.membership.view
            version = known.version + 1 if known else 1
            await deferToThread(self.membership.keep, self.view(version))

        await self._keeping.run(lambda: Deferred.fromCoroutine(keep()))

    async def _tell(self, client: NodeClient) -> None:
        view = self.membership.view
        assert view is not None
        await client.send("view", msgspec.json.encode(view))
        self._versions[client.name] = view.version

    def _changed(self, change: Change) -> None:
        if isinstance(change, PutMember | DropMember | PutFacts) and not self._closed:
            self._follow_members()
            errand = Deferred.fromCoroutine(self._tell_of(change))
            self._errands.add(errand)
            errand.addErrback(self._report)
            errand.addBoth(lambda _: self._errands.discard(errand))

    def _report(self, failure: Failure) -> None:
        if isinstance(failure.value, FirstError):
            failure = failure.value.subFailure
        if failure.check(CancelledError) is None:
            self._log.failure("nodes were not told", failure)

    async def _tell_of(self, change: Change) -> None:
        await self.tell_all()
        if isinstance(change, PutFacts):
            return
        everyone: list[Any] = [self.nodes.own, *self.remote()]
        for node in everyone:  # overlays between nodes have other ends now
            if node.is_reachable:
                try:
                    await node.carry(self._networks(node.name))
                except OpExecError as error:
                    self._log.warn(
                        "{node} does not carry its networks: {error}", node=node.name, error=error
                    )

    def _networks(self, node: str) -> tuple[Network, ...]:
        """The networks that a node has to carry."""
        member = self.cluster.members.get(node)
        return tuple(
            network
            for network in self.cluster.networks.values()
            if member is not None
            and any(each.group == member.group for each in network.connections)
        )

    def _follow_members(self) -> None:
        members = self.cluster.members
        self.nodes.offline = frozenset(each.name for each in members.values() if each.offline)
        for node in self.remote():
            member = members.get(node.name)
            if member is None or member.offline or member.address != node.client.address:
                self.nodes.drop(node.name)
                Deferred.fromCoroutine(node.close())
        for member in members.values():
            if self._is_to_be_reached(member):
                remote = RemoteNode(
                    self.reactor, self._client(member), self._take_up, self._lose, self.deposed
                )
                remote.watch(self.ended)
                remote.progressed = self.progressed
                self.nodes.add(cast("INode", remote))
                remote.begin()

    def _is_to_be_reached(self, member: Member) -> bool:
        return (
            member.name != self.nodes.own.name
            and not member.offline
            and member.address is not None
            and self.nodes.get(member.name) is None
        )

    def _client(self, member: Member) -> NodeClient:
        if member.address is None:
            raise OpExecError(f"Node {member.name} has no address")
        return NodeClient(
            self.reactor,
            member.name,
            member.address,
            self.identity,
            lambda: self.cluster.facts.epoch,
        )

    async def _take_up(self, node: RemoteNode) -> None:
        """
        A node is there (again): bring it to the wanted state before anything is asked of it.

        Guests that belong elsewhere now are ended there: their disks may be in use again.
        """
        self._versions.pop(node.name, None)
        await self._tell(node.client)
        ended = await self._reconcile(node)
        if ended:
            self._log.warn(
                "on {node} do not run: {names}",
                node=node.name,
                names=", ".join(each.name for each in ended),
            )
        await self.came(node)
        for each in ended:  # those that were known to be gone were told already
            if node.ran_before is None or each.name in node.ran_before:
                self.ended(each)

    async def _reconcile(self, node: RemoteNode) -> tuple[Ended, ...]:
        ours = self.cluster.on_node(node.name)
        known = {each.name for each in ours}
        known |= {name for place, name in self.nodes.expected if place == node.name}
        up = tuple(
            each.name
            for each in ours
            if each.admin_state == ADMIN_UP and each.name in self.cluster.instances
        )
        ended: tuple[Ended, ...] = await node.call_named("recover", up, frozenset(known))
        await node.call_named("carry", self._networks(node.name))
        return ended

    def _lose(self, node: RemoteNode) -> None:
        """Nothing is decided here: the watcher looks at who is away, and for how long."""

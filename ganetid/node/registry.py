"""
The cluster's nodes by name, as the master reaches them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from ganetid.cluster.model import Change, Instance, Member
from ganetid.node.interface import INode
from ganetid.opcodes.errors import UNKNOWN_ENTITY, WRONG_STATE, OpExecError, OpPrereqError

NODE_OFFLINE = "ERROR_nodeoffline"
NODE_DOWN = "ERROR_nodedown"
WRONG_NODE = "ERROR_wrongnode"


class IOutside(Protocol):
    """What opcodes on nodes need beside INode; see `ganetid.node.fleet`."""

    async def greet(self, member: Member, patience_s: float) -> None:
        """Wait until the node answers our calls.  Raises OpExecError."""

    async def renew(
        self,
        keep: Callable[[tuple[Change, ...]], Awaitable[None]],
        log: Callable[[str], None],
    ) -> None:
        """New certificates for all nodes.  Raises OpPrereqError, OpExecError."""


class IDistribution(Protocol):
    """What brings the configuration to nodes; see `ganetid.roles.distribution`."""

    async def redistribute(self, log: Callable[[str], None]) -> None:
        """Bring all of it to all nodes; `log` is told of those that don't have it."""


class Nodes:
    """
    INodes by name.  own: that of this daemon.

    offline: names of nodes that are marked offline, which are never called.
    expected: (node, instance) of guests that may be on another node than their primary one.
    distribution: brings the configuration to all of them.
    """

    distribution: IDistribution

    def __init__(self, own: INode) -> None:
        self.own = own
        self.offline: frozenset[str] = frozenset()
        self.expected: set[tuple[str, str]] = set()
        self._outside: IOutside | None = None
        self._nodes: dict[str, INode] = {own.name: own}

    @property
    def outside(self) -> IOutside:
        """The way to nodes that are not in the cluster yet.  Raises OpExecError."""
        if self._outside is None:
            raise OpExecError("This cluster has no node RPC: set node_port")
        return self._outside

    def lead_outside(self, outside: IOutside) -> None:
        """From now on, more nodes can be reached."""
        self._outside = outside

    def add(self, node: INode) -> None:
        """A node joined."""
        self._nodes[node.name] = node

    def drop(self, name: str) -> INode | None:
        """A node left; close it."""
        return self._nodes.pop(name, None)

    def __iter__(self) -> Iterator[INode]:
        return iter(list(self._nodes.values()))

    def get(self, name: str) -> INode | None:
        """The node of this name, if there is one that is not offline."""
        return self._nodes.get(name)

    def named(self, name: str) -> INode:
        """The node of this name.  Raises OpPrereqError."""
        node = self._nodes.get(name)
        if node is not None:
            return node
        if name in self.offline:
            raise OpPrereqError(f"Node '{name}' is marked offline", WRONG_STATE)
        raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)

    def of(self, instance: Instance) -> INode:
        """The instance's primary node.  Raises OpPrereqError."""
        return self.named(instance.primary_node or self.own.name)

    def is_up(self, name: str) -> bool:
        """Whether the node answers."""
        node = self._nodes.get(name)
        return node is not None and bool(node.is_reachable)

    def seems_running(self, instance: Instance) -> bool:
        """Whether its guest runs, as far as is known without asking."""
        node = self._nodes.get(instance.primary_node)
        return node is not None and node.is_reachable and instance.name in node.running

    def trouble(self, instance: Instance) -> str | None:
        """Ganeti's status of an instance whose node is the reason for it; None: the node is not."""
        node = self._nodes.get(instance.primary_node)
        if instance.primary_node in self.offline:
            return NODE_OFFLINE
        if node is None or not node.is_reachable:
            return NODE_DOWN
        if instance.name not in node.running and self.seen_elsewhere(instance):
            return WRONG_NODE
        return None

    def seen_elsewhere(self, instance: Instance) -> list[str]:
        """Names of other nodes than the primary one where its guest runs."""
        return sorted(
            node.name
            for node in self._nodes.values()
            if node.name != instance.primary_node
            and node.is_reachable
            and instance.name in node.running
            and (node.name, instance.name) not in self.expected
        )

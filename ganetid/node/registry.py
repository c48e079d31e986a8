"""
The cluster's nodes by name, as the master reaches them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ganetid.cluster.model import Instance
from ganetid.node.interface import INode
from ganetid.opcodes.errors import UNKNOWN_ENTITY, OpPrereqError


class Nodes:
    """
    INodes by name.  own: that of this daemon.
    """

    def __init__(self, own: INode) -> None:
        self.own = own
        self._nodes: dict[str, INode] = {own.name: own}

    def add(self, node: INode) -> None:
        """A node joined."""
        self._nodes[node.name] = node

    def drop(self, name: str) -> INode | None:
        """A node left; close it."""
        return self._nodes.pop(name, None)

    def __iter__(self) -> Iterator[INode]:
        return iter(list(self._nodes.values()))

    def get(self, name: str) -> INode | None:
        """The node of this name, if there is one."""
        return self._nodes.get(name)

    def named(self, name: str) -> INode:
        """The node of this name.  Raises OpPrereqError."""
        node = self._nodes.get(name)
        if node is None:
            raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)
        return node

    def of(self, instance: Instance) -> INode:
        """The instance's primary node.  Raises OpPrereqError."""
        return self.named(instance.primary_node or self.own.name)

    def seems_running(self, instance: Instance) -> bool:
        """Whether its guest runs, as far as is known without asking."""
        node = self._nodes.get(instance.primary_node)
        return node is not None and instance.name in node.running

"""
The master's part in files that every node has of the configuration: new ones a second after a
change, all of them when a node comes or somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from attrs import define, field
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change
from ganetid.cluster.ssconf import ssconf_of
from ganetid.node.interface import INode
from ganetid.node.registry import Nodes
from ganetid.opcodes.errors import OpcodeError


@define(eq=False)
class Distribution:
    """
    Who has which files; `look` is one turn.  See IDistribution.

    tell: brings to nodes what they and candidates need beside.
    """

    cluster: Configuration
    nodes: Nodes
    tell: Callable[[], Awaitable[None]]
    _values: dict[str, str] = field(factory=dict)
    _has_changed: bool = True
    _known: dict[str, Mapping[str, str]] = field(factory=dict)
    _log = Logger()

    def begin(self) -> None:
        """Hear of changes."""
        self.cluster.watch(self._changed)

    def came(self, node: str) -> None:
        """Nobody knows what a node has that was away."""
        self._known.pop(node, None)

    async def look(self) -> None:
        """Bring what is new to nodes that are there."""
        self._take_stock()
        for node in self.nodes:
            if node.is_reachable and self._known.get(node.name) is not self._values:
                try:
                    await self._give(node)
                except OpcodeError as error:
                    self._log.warn("{node} has old files of the configuration: {error}",
                                   node=node.name, error=error)  # fmt: skip

    async def redistribute(self, log: Callable[[str], None]) -> None:
        """See IDistribution."""
        self._has_changed = True
        self._take_stock()
        self._known.clear()
        for node in self.nodes:
            try:
                await self._give(node)
            except OpcodeError as error:
                log(f"Could not distribute the configuration to node {node.name}: {error}")
        await self.tell()

    def _changed(self, change: Change) -> None:
        self._has_changed = True

    def _take_stock(self) -> None:
        if not self._has_changed:
            return
        self._has_changed = False
        values = ssconf_of(self.cluster, self.nodes.own.abilities.hypervisors)
        if values != self._values:
            self._values = values

    async def _give(self, node: INode) -> None:
        values, known = self._values, self._known.get(node.name)
        new = {name: value for name, value in values.items()
               if known is None or known.get(name) != value}  # fmt: skip
        await node.write_ssconf(new, is_all=known is None)
        self._known[node.name] = values

"""
Spare copies of config drives, so that an instance whose node died starts with its own elsewhere.

A config drive is made once, at creation, from secrets that nobody keeps; so the master has two
other nodes keep a copy, by and by.
"""

from __future__ import annotations

from attrs import define, field
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance
from ganetid.node.interface import INode
from ganetid.node.registry import Nodes
from ganetid.opcodes.errors import OpcodeError

COPIES = 2


@define(eq=False)
class SpareKeeper:
    """The master's part: sees to it that there are enough copies; `look` is one turn."""

    cluster: Configuration
    nodes: Nodes
    _kept: dict[str, frozenset[str]] = field(factory=dict)
    _log = Logger()

    async def look(self) -> None:
        """Bring missing copies to nodes that are there, remove those of nobody."""
        known = frozenset(
            name for name, each in self.cluster.instances.items() if each.config_drive
        )
        there = [node for node in self.nodes if node.is_reachable]
        if len(there) < 2:
            return
        self._kept = {}
        for node in there:
            try:
                self._kept[node.name] = await node.prune_spares(known)
            except OpcodeError as error:  # it went away meanwhile
                self._log.warn("spares of {node}: {error}", node=node.name, error=error)
        there = [node for node in there if node.name in self._kept]
        for name in sorted(known):
            await self._spread(name, there)

    async def _spread(self, name: str, there: list[INode]) -> None:
        instance = self.cluster.instances.get(name)
        if instance is None:
            return
        others = [node for node in there if node.name != instance.primary_node]
        have = [node for node in others if name in self._kept[node.name]]
        missing = [node for node in others if node not in have][: max(0, COPIES - len(have))]
        source = self.nodes.get(instance.primary_node)
        if not missing or source is None or not source.is_reachable:
            return
        try:
            content = await source.read_config_drive(instance)
            for node in missing:
                if content is not None:
                    await node.keep_spare(instance, content)
        except OpcodeError as error:
            self._log.warn("no spare of {name}: {error}", name=name, error=error)


async def found_spare(nodes: Nodes, instance: Instance) -> bytes | None:
    """A copy of the instance's config drive, from any node that has one."""
    for node in nodes:
        if not node.is_reachable:
            continue
        try:
            content: bytes | None = await node.read_spare(instance)
        except OpcodeError:
            continue
        if content is not None:
            return content
    return None

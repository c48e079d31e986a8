"""
Routers of nodes that are away go to other nodes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.wiring import Router
from ganetid.node.registry import Nodes

PATIENCE_S = 15.0  # longer than a daemon takes to start anew: its routers go on meanwhile
AGAIN_S = 30.0


@define(eq=False)
class RouterKeeper:
    """
    Periodic work of a master: `look` is one turn.

    submit: makes a job of one opcode.  now: seconds.
    _away: since when a router's node is; _asked: when a router was last sent elsewhere.
    """

    cluster: Configuration
    nodes: Nodes
    submit: Callable[[str, Mapping[str, Any]], Awaitable[int]]
    now: Callable[[], float]
    patience_s: float = PATIENCE_S
    _away: dict[str, float] = field(factory=dict)
    _asked: dict[str, float] = field(factory=dict)
    _log = Logger()

    async def look(self) -> None:
        """Make jobs for routers that have been nowhere for long enough."""
        now = self.now()
        for router in list(self.cluster.routers.values()):
            if self.nodes.is_up(router.node) and self._is_in_group(router):
                self._away.pop(router.name, None)
                continue
            since = self._away.setdefault(router.name, now)
            is_new = now - self._asked.get(router.name, now - AGAIN_S) >= AGAIN_S
            if now - since >= self.patience_s and is_new and self._has_place(router):
                self._asked[router.name] = now
                self._log.warn(
                    "router {router} leaves {node}, which is away or in another group",
                    router=router.name,
                    node=router.node,
                )
                await self.submit("OP_ROUTER_MIGRATE", {"router_name": router.name})
        for name in [name for name in self._away if name not in self.cluster.routers]:
            del self._away[name]

    def _is_in_group(self, router: Router) -> bool:
        """A node that went to another group has not the networks."""
        member = self.cluster.members.get(router.node)
        return member is not None and member.group == router.group

    def _has_place(self, router: Router) -> bool:
        members = self.cluster.members_of(router.group)
        return any(
            each.takes_instances and self.nodes.is_up(each.name)
            for each in members
            if each.name != router.node
        )

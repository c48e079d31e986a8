"""
How instances are doing: where their guests run, as far as is known without asking.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ADMIN_OFFLINE, ADMIN_UP, SOURCE_USER, Instance
from ganetid.node.registry import Nodes

Life = Literal["on", "off", "elsewhere", "node-offline", "node-down"]


@frozen
class Lives:
    """
    Of all instances at once.

    places: node by the name of each guest that runs.  offline, down: names of nodes.
    """

    places: dict[str, str]
    offline: frozenset[str]
    down: frozenset[str]

    def of(self, instance: Instance) -> Life:
        """The instance's guest."""
        node = instance.primary_node
        if node in self.offline:
            return "node-offline"
        if node in self.down:
            return "node-down"
        place = self.places.get(instance.name)
        if place is None:
            return "off"
        return "on" if place == node else "elsewhere"


def lives(cluster: Configuration, nodes: Nodes) -> Lives:
    """How all are doing at this moment."""
    offline = frozenset(name for name, member in cluster.members.items() if member.offline)
    down = frozenset(
        node.name for node in nodes if not node.is_reachable and node.name not in offline
    )
    places = {name: node.name for node in nodes for name in node.running}
    return Lives(places, offline, down)


def life_of(instance: Instance, cluster: Configuration, nodes: Nodes) -> Life:
    """How one is doing."""
    member = cluster.members.get(instance.primary_node)
    if member is not None and member.offline:
        return "node-offline"
    node = nodes.get(instance.primary_node)
    if node is None or not node.is_reachable:
        return "node-down"
    if instance.name in node.running:
        return "on"
    return "elsewhere" if any(instance.name in other.running for other in nodes) else "off"


def is_on(life: Life) -> bool | None:
    """Whether the guest runs where it should; None when that can't be known."""
    return None if life in {"node-offline", "node-down"} else life == "on"


def status_of(instance: Instance, life: Life) -> str:
    """Ganeti's word for it."""
    words = {
        "node-offline": "ERROR_nodeoffline",
        "node-down": "ERROR_nodedown",
        "elsewhere": "ERROR_wrongnode",
    }
    if life in words:
        return words[life]
    if life == "on":
        return "running" if instance.admin_state == ADMIN_UP else "ERROR_up"
    if instance.admin_state == ADMIN_UP:
        return "ERROR_down"
    if instance.admin_state == ADMIN_OFFLINE:
        return "ADMIN_offline"
    return "USER_down" if instance.admin_state_source == SOURCE_USER else "ADMIN_down"

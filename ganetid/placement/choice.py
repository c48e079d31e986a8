"""
Which node a new instance goes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Member
from ganetid.cluster.parameters import actual_beparams
from ganetid.node.registry import Nodes
from ganetid.opcodes.errors import (
    NO_RESOURCES,
    UNKNOWN_ENTITY,
    WRONG_STATE,
    OpPrereqError,
)


def node_for(given: Mapping[str, Any], cluster: Configuration, nodes: Nodes) -> Member:
    """
    The node that is asked for, else the one with the least memory given away.

    given: parameters of OP_INSTANCE_CREATE.  Raises OpPrereqError.
    """
    wanted = given["pnode"]
    if wanted is not None:
        return _named(str(wanted), cluster)
    able = [
        member
        for member in cluster.members.values()
        if member.takes_instances
        and given["group_name"] in {None, member.group}
        and (node := nodes.get(member.name)) is not None
        and node.is_reachable
    ]
    if not able:
        raise OpPrereqError("No node can take the instance", NO_RESOURCES)
    return min(able, key=lambda member: (_memory_given_away(member.name, cluster), member.name))


def _named(name: str, cluster: Configuration) -> Member:
    member = cluster.members.get(name)
    if member is None:
        raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)
    if member.offline:
        raise OpPrereqError(f"Cannot use offline primary node '{name}'", WRONG_STATE)
    if member.drained:
        raise OpPrereqError(f"Cannot use drained primary node '{name}'", WRONG_STATE)
    if not member.vm_capable:
        raise OpPrereqError(f"Cannot use non-vm_capable node '{name}' as primary node", WRONG_STATE)
    return member


def _memory_given_away(node: str, cluster: Configuration) -> int:
    return sum(
        int(actual_beparams(instance.beparams, cluster.facts)["maxmem"])
        for instance in cluster.on_node(node)
    )

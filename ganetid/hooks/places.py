"""
The nodes on which an opcode's hooks run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance, Member
from ganetid.hooks.paths import (
    CONNECTED,
    EVERYWHERE,
    GOAL,
    MASTER,
    MEMBERS,
    NOWHERE,
    OBJECT,
    OTHERS,
    TARGET,
    Hook,
)


def nodes_for(
    hook: Hook,
    is_before: bool,
    given: Mapping[str, Any],
    cluster: Configuration,
    instance: Instance | None = None,
) -> tuple[str, ...]:
    """
    Names of nodes, the master first where it is among them.  Offline ones are left out.

    instance: the one that the opcode is about, as it is now, if there is one.
    """
    where = hook.before if is_before else hook.after
    named = _names(where, given, cluster, instance)
    known = dict.fromkeys(name for name in named if name)
    return tuple(name for name in known if _is_there(cluster, name))


def _names(
    where: str, given: Mapping[str, Any], cluster: Configuration, instance: Instance | None
) -> list[str]:
    master = cluster.master
    everybody = [master, *sorted(cluster.members)]
    if where == NOWHERE:
        return []
    if where == MASTER:
        return [master]
    if where == EVERYWHERE:
        return everybody
    if where == OTHERS:
        return [name for name in everybody if name != given.get("node_name")]
    if where == GOAL:
        return [master, str(given.get("target_node") or "")]
    if where in {OBJECT, TARGET}:
        wider = [str(given.get("target_node") or "")] if where == TARGET else []
        return [master, _place_of_object(given, instance), *wider]
    return [master, *(member.name for member in _carriers(where, given, cluster))]


def _place_of_object(given: Mapping[str, Any], instance: Instance | None) -> str:
    if instance is not None:
        return instance.primary_node
    return str(given.get("node_name") or given.get("pnode") or "")


def _carriers(where: str, given: Mapping[str, Any], cluster: Configuration) -> list[Member]:
    """The nodes of the group (MEMBERS), or of every group with the network (CONNECTED)."""
    assert where in {MEMBERS, CONNECTED}
    if where == MEMBERS:
        return cluster.members_of(str(given.get("group_name")))
    network = cluster.networks.get(str(given.get("network_name")))
    groups = [each.group for each in network.connections] if network else []
    return [member for group in groups for member in cluster.members_of(group)]


def _is_there(cluster: Configuration, name: str) -> bool:
    member = cluster.members.get(name)
    return name == cluster.master or (member is not None and not member.offline)

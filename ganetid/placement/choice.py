"""
Which node an instance goes to: the one that is asked for, or the one that the allocator chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.defaults import UnknownParameter, beparams_from
from ganetid.cluster.model import Instance, Member
from ganetid.cluster.parameters import actual_beparams
from ganetid.node.registry import Nodes
from ganetid.opcodes.errors import (
    NO_RESOURCES,
    NO_RESOURCES_NOW,
    UNKNOWN_ENTITY,
    WRONG_STATE,
    OpPrereqError,
)
from ganetid.placement.allocator import Load, NoPlace, exclusion_tags, place, relocate
from ganetid.placement.rooms import SHARED, load_of, rooms_of


def node_for(given: Mapping[str, Any], cluster: Configuration, nodes: Nodes) -> Member:
    """
    The node that is asked for, else the best one.

    given: parameters of OP_INSTANCE_CREATE.  Raises OpPrereqError.
    """
    wanted = given["pnode"]
    if wanted is not None:
        return named(str(wanted), cluster)
    group = group_of(given["group_name"], cluster)
    load = wished_load(given, cluster)
    try:
        found = place(load, rooms_of(cluster, nodes), group)
    except NoPlace as error:
        raise OpPrereqError(
            f"Can't compute nodes using iallocator: {error}", scarcity(given)
        ) from error
    return cluster.members[found.node]


def scarcity(given: Mapping[str, Any]) -> str:
    """Ganeti's code for having no room; whoever asked opportunistically asks again."""
    return NO_RESOURCES_NOW if given["opportunistic_locking"] else NO_RESOURCES


def target_for(
    instance: Instance, given: Mapping[str, Any], cluster: Configuration, nodes: Nodes
) -> str:
    """
    Name of the node that an instance is to go to: the one asked for, else the best of its group.

    Raises OpPrereqError.
    """
    source = cluster.members.get(instance.primary_node)
    wanted = given["target_node"]
    if wanted is None:
        away_from, group = {instance.primary_node}, source.group if source else None
        try:
            load = load_of(instance, cluster)
            return relocate(load, rooms_of(cluster, nodes), away_from, group).node
        except NoPlace as error:
            raise OpPrereqError(
                f"Can't compute nodes using iallocator: {error}", NO_RESOURCES
            ) from error
    target = named(str(wanted), cluster)
    if target.name == instance.primary_node:
        raise OpPrereqError(
            f"Cannot migrate instance {instance.name} to its primary ({target.name})", WRONG_STATE
        )
    if source is not None and source.group != target.group:
        _require_same_networks(instance, target, cluster)
    return target.name


def _require_same_networks(instance: Instance, target: Member, cluster: Configuration) -> None:
    """Raises OpPrereqError unless the target's group carries the instance's networks alike."""
    for nic in instance.nics:
        network = cluster.networks.get(nic.network or "")
        if network is None:
            continue
        places = {(each.mode, each.link) for each in network.connections
                  if each.group == target.group}  # fmt: skip
        if (nic.mode, nic.link) not in places:
            raise OpPrereqError(
                f"Network {network.name} is not connected to node group {target.group} as it is"
                f" for instance {instance.name}",
                WRONG_STATE,
            )


def named(name: str, cluster: Configuration) -> Member:
    """The node of this name, if it takes instances.  Raises OpPrereqError."""
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


def group_of(name: Any, cluster: Configuration) -> str | None:
    """The group's name, given that or its UUID; None for None.  Raises OpPrereqError."""
    if name is None:
        return None
    found = cluster.groups.get(str(name)) or next(
        (group for group in cluster.groups.values() if group.uuid == name), None
    )
    if found is None:
        raise OpPrereqError(f"Group '{name}' not found", UNKNOWN_ENTITY)
    return found.name


def wished_load(given: Mapping[str, Any], cluster: Configuration) -> Load:
    """What is asked for; a parameter that makes no sense is refused later, with better words."""
    try:
        beparams = actual_beparams(beparams_from(given["beparams"] or {}), cluster.facts)
    except UnknownParameter:
        beparams = actual_beparams({}, cluster.facts)
    disks = given["disks"] if given["disk_template"] not in SHARED else []
    starts = bool(given.get("start", True))
    return Load(
        name=str(given["instance_name"]),
        memory_mib=int(beparams["maxmem"]) if starts else 0,
        vcpus=int(beparams["vcpus"]) if starts else 0,
        local_disk_mib=sum(_size(disk) for disk in disks),
        tags=exclusion_tags(given.get("tags") or (), cluster.facts.tags),
    )


def _size(disk: Mapping[str, Any]) -> int:
    size = disk.get("size")
    return size if isinstance(size, int) else 0

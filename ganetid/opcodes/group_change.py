"""
OP_GROUP_ADD, OP_GROUP_REMOVE, OP_GROUP_RENAME, OP_GROUP_SET_PARAMS, OP_GROUP_ASSIGN_NODES.
"""

from __future__ import annotations

import uuid

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import (
    Change,
    DropGroup,
    Group,
    Member,
    Network,
    PutGroup,
    PutMember,
    PutNetwork,
    PutRouter,
)
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Opcode, Outcome
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpPrereqError,
)
from ganetid.opcodes.fields import (
    DISK_TEMPLATES,
    boolean,
    dict_of,
    list_of_text,
    mapping,
    one_of,
    optional,
    text,
)
from ganetid.opcodes.groups import (
    ALLOC_POLICIES,
    alone,
    group_named,
    next_version,
    with_parameters,
)

PARAMETERS = ("ndparams", "diskparams", "alloc_policy", "hv_state", "disk_state", "ipolicy")


async def add(context: Context, given: Input) -> Outcome:
    """Enter a group without nodes."""
    name = given["group_name"]
    _refuse_taken(context.cluster, name, "Desired group name '{}' already exists as a")
    now = context.now()
    group = with_parameters(Group(name, str(uuid.uuid4()), ctime=now, mtime=now), given)
    return Outcome() if given["dry_run"] else Outcome(None, (PutGroup(group),))


async def remove(context: Context, given: Input) -> Outcome:
    """Take a group out; refused while it has nodes, and for the last one."""
    group = group_named(context.cluster, given["group_name"])
    members = [member.uuid for member in context.cluster.members_of(group.name)]
    if members:
        raise OpPrereqError(
            f"Group '{group.name}' not empty, has the following nodes: {', '.join(members)}",
            WRONG_STATE,
        )
    if len(context.cluster.groups) == 1:
        raise OpPrereqError(
            f"Group '{group.name}' is the only group, cannot be removed", WRONG_STATE
        )
    if given["dry_run"]:
        return Outcome()
    networks = _renamed_in_networks(context, group.name, None)
    return Outcome(None, (*networks, DropGroup(group.name)))


async def rename(context: Context, given: Input) -> Outcome:
    """Give a group another name; its nodes and networks go with it."""
    group, name = group_named(context.cluster, given["group_name"]), given["new_name"]
    _refuse_taken(context.cluster, name, "Desired new name '{}' clashes with existing")
    if given["dry_run"]:
        return Outcome(name)
    now = context.now()
    members = [
        PutMember(evolve(member, group=name)) for member in context.cluster.members_of(group.name)
    ]
    networks = _renamed_in_networks(context, group.name, name)
    routers = [
        PutRouter(evolve(router, group=name))
        for router in context.cluster.routers.values()
        if router.group == group.name
    ]
    renamed = PutGroup(next_version(group, now, name=name))
    return Outcome(name, (*members, *networks, *routers, DropGroup(group.name), renamed))


async def set_params(context: Context, given: Input) -> Outcome:
    """Set what is given; everything else stays."""
    group = group_named(context.cluster, given["group_name"])
    if all(given[name] is None for name in PARAMETERS):
        raise OpPrereqError("Please pass at least one modification", WRONG_INPUT)
    newer = with_parameters(group, given)
    if given["dry_run"]:
        return Outcome()
    told = [
        [name, str(getattr(newer, name))]
        for name in ("ndparams", "diskparams")
        if given[name] is not None
    ]
    return Outcome(told, (PutGroup(next_version(newer, context.now())),))


async def assign_nodes(context: Context, given: Input) -> Outcome:
    """Move nodes to the group."""
    group = group_named(context.cluster, given["group_name"])
    members = [_member(context.cluster, name) for name in given["nodes"]]
    if given["dry_run"]:
        return Outcome()
    now = context.now()
    moved = [member for member in members if member.group != group.name]
    await _carry_networks(context, group, moved)
    changes: list[Change] = [
        PutMember(evolve(member, group=group.name, mtime=now, serial_no=member.serial_no + 1))
        for member in moved
    ]
    return Outcome(None, tuple(changes))


async def _carry_networks(context: Context, group: Group, moved: list[Member]) -> None:
    """What is connected to the group has to be on every node of it."""
    networks = tuple(
        network
        for network in context.cluster.networks.values()
        if any(place.group == group.name for place in network.connections)
    )
    for member in moved:
        node = context.nodes.get(member.name)
        if node is None or member.offline:
            continue
        for network in networks:
            await node.connect(network)


def _member(cluster: Configuration, name: str) -> Member:
    member = cluster.members.get(name)
    if member is None:
        raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)
    return member


def _refuse_taken(cluster: Configuration, name: str, words: str) -> None:
    taken = cluster.groups.get(name)
    if taken is not None:
        raise OpPrereqError(f"{words.format(name)} node group (UUID: {taken.uuid})", ALREADY_EXISTS)


def _renamed_in_networks(context: Context, old: str, new: str | None) -> list[PutNetwork]:
    """Networks connected to the group: under its new name, or no longer when it has none."""
    return [
        PutNetwork(_with_group(network, old, new))
        for network in context.cluster.networks.values()
        if any(place.group == old for place in network.connections)
    ]


def _with_group(network: Network, old: str, new: str | None) -> Network:
    places = [
        evolve(place, group=new) if place.group == old and new else place
        for place in network.connections
        if place.group != old or new
    ]
    return evolve(network, connections=tuple(places))


NAMED = Field("group_name", text, REQUIRED)
_PARAMETERS = (
    Field("alloc_policy", optional(one_of(*ALLOC_POLICIES))),
    Field("ndparams", optional(mapping)),
    Field("diskparams", optional(dict_of(mapping, DISK_TEMPLATES))),
    Field("hv_state", optional(mapping)),
    Field("disk_state", optional(mapping)),
    Field("ipolicy", optional(mapping)),
)


def _all(given: Input) -> tuple[Lock, ...]:
    """A rename changes the group's nodes and networks too: alone in the cluster."""
    return (*alone(given), Lock("cluster", ""))


def _nodes(given: Input) -> tuple[Lock, ...]:
    return (*alone(given), *(Lock("node", name) for name in sorted(set(given["nodes"]))))


OPCODES = (
    Opcode(
        "OP_GROUP_ADD", (NAMED, *_PARAMETERS), add, add, alone, "group_name",
        renamed={"name": "group_name"},
    ),
    Opcode("OP_GROUP_REMOVE", (NAMED,), remove, remove, _all, "group_name"),
    Opcode(
        "OP_GROUP_RENAME", (NAMED, Field("new_name", text, REQUIRED)), rename, rename,
        _all,
    ),
    Opcode(
        "OP_GROUP_SET_PARAMS", (NAMED, *_PARAMETERS), set_params, set_params, alone, "group_name",
        renamed={"custom_ndparams": "ndparams", "custom_ipolicy": "ipolicy",
                 "custom_diskparams": "diskparams"},
    ),
    Opcode(
        "OP_GROUP_ASSIGN_NODES",
        (
            NAMED,
            Field("force", boolean, False),
            Field("nodes", list_of_text, REQUIRED),
            Field("node_uuids", optional(list_of_text)),
        ),
        assign_nodes, assign_nodes, _nodes, "group_name",
    ),
)  # fmt: skip

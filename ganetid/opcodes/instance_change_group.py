"""
OP_INSTANCE_CHANGE_GROUP: a job that brings an instance to a node of another group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.model import ADMIN_UP, Group, Instance
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Field, Input, Outcome, boolean, optional, text
from ganetid.opcodes.errors import (
    NO_RESOURCES,
    WRONG_INPUT,
    WRONG_STATE,
    OpExecError,
    OpPrereqError,
)
from ganetid.opcodes.fields import list_of_text
from ganetid.opcodes.iallocator import Allocator, allocator_for
from ganetid.opcodes.instances import found, instance_opcode
from ganetid.placement.allocator import NoPlace, relocate
from ganetid.placement.choice import group_of
from ganetid.placement.request import group_change
from ganetid.placement.rooms import SHARED, load_of, rooms_of

Ops = tuple[tuple[str, Mapping[str, Any]], ...]


async def change_group(context: Context, given: Input) -> Outcome:
    """``{"jobs": [[true, id]]}``: the instance is moved by a job of its own."""
    instance = found(context, given)
    targets = _targets(context, instance, given["target_groups"])
    if instance.disk_template not in SHARED:
        raise OpPrereqError(
            f"Instance's disk layout '{instance.disk_template}' does not allow migrations",
            WRONG_STATE,
        )
    allocator = allocator_for(context, given)
    if allocator is not None:
        ops = await _asked(allocator, instance, targets)
    else:
        ops = _move(instance, _best(context, instance, targets))
    if given["dry_run"]:
        return Outcome({"jobs": []})
    return Outcome({"jobs": [[True, await context.submit(ops, instance.name)]]})


def _targets(context: Context, instance: Instance, wanted: list[str] | None) -> list[Group]:
    """Groups that it may go to.  Raises OpPrereqError."""
    cluster = context.cluster
    own = cluster.group_of(instance.primary_node)
    if not wanted:
        targets = [group for group in cluster.groups.values() if group != own]
    else:
        names = [group_of(name, cluster) for name in wanted]
        targets = [cluster.groups[name] for name in names if name is not None]
    if own in targets and own is not None:
        raise OpPrereqError(
            f"Can't use group(s) '{own.uuid}' as targets, they are used by the instance"
            f" '{instance.name}'",
            WRONG_INPUT,
        )
    if not targets:
        raise OpPrereqError("There are no possible target groups", WRONG_INPUT)
    return targets


def _best(context: Context, instance: Instance, targets: list[Group]) -> str:
    """The best node of these groups.  Raises OpPrereqError."""
    names = {group.name for group in targets}
    cluster = context.cluster
    rooms = [room for room in rooms_of(cluster, context.nodes) if room.group in names]
    try:
        return relocate(load_of(instance, cluster), rooms, {instance.primary_node}).node
    except NoPlace as error:
        raise OpPrereqError(
            f"Can't compute solution for changing group of instance '{instance.name}': {error}",
            NO_RESOURCES,
        ) from error


async def _asked(allocator: Allocator, instance: Instance, targets: list[Group]) -> Ops:
    """The opcodes that a program says.  Raises OpPrereqError, OpExecError."""
    request = group_change(instance, [group.uuid for group in targets])
    moved, failed, jobs = await allocator.ask(request, instance.disk_template)
    if failed or not jobs:
        reasons = ", ".join(f"{name} ({why})" for name, why in failed)
        raise OpExecError(f"Unable to evacuate instances {reasons or instance.name}")
    nodes = [node for _, _, names in moved for node in names]
    return _move(instance, nodes[0])


def _move(instance: Instance, target: str) -> Ops:
    given = {"instance_name": instance.name, "target_node": target}
    if instance.admin_state == ADMIN_UP:
        return (("OP_INSTANCE_MIGRATE", {**given, "allow_failover": True}),)
    return (("OP_INSTANCE_FAILOVER", given),)


OPCODES = (
    instance_opcode(
        "OP_INSTANCE_CHANGE_GROUP",
        change_group,
        Field("target_groups", optional(list_of_text)),
        Field("iallocator", optional(text)),
        Field("early_release", boolean, False),
    ),
)

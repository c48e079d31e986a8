"""
OP_NODE_EVACUATE and OP_NODE_MIGRATE: a job for each instance that leaves a node.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.model import Instance, Member
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    REQUIRED,
    Field,
    Input,
    Opcode,
    Outcome,
    anything,
    boolean,
    one_of,
    optional,
    text,
)
from ganetid.opcodes.errors import UNKNOWN_ENTITY, WRONG_INPUT, OpExecError, OpPrereqError
from ganetid.placement.allocator import evacuate as places_for
from ganetid.placement.choice import named
from ganetid.placement.rooms import SHARED, rooms_of

SECONDARY = ("secondary-only", "secondary")


async def evacuate(context: Context, given: Input) -> Outcome:
    """
    ``{"jobs": [[true, id], ...]}``, one for each instance that can go.

    Of a node that is marked offline they fail over, of another one they migrate, or fail over
    when they do not run.  Disks here have no secondary node, so there is nothing to evacuate of it.
    """
    member = _member(context, given)
    if given["mode"] in SECONDARY:
        return Outcome({"jobs": []})
    leaving = context.cluster.on_node(member.name)
    places, failed = _places(context, given, member, leaving)
    if failed and not given["ignore_soft_errors"]:
        reasons = "; ".join(f"{name}: {why}" for name, why in sorted(failed.items()))
        raise OpExecError(f"Unable to evacuate instances: {reasons}")
    for name, why in sorted(failed.items()):
        context.log(f"Unable to evacuate {name}: {why}")
    if given["dry_run"]:
        return Outcome({"jobs": []})
    jobs = []
    for name in sorted(places):
        ops = (_move(name, places[name], member.offline),)
        jobs.append([True, await context.submit(ops, name)])
    return Outcome({"jobs": jobs})


async def migrate(context: Context, given: Input) -> Outcome:
    """``{"jobs": [[true, id], ...]}``: a migration of each instance whose disks allow it."""
    member = _member(context, given)
    mode = given["mode"] or ("non-live" if given["live"] is False else None)
    common: dict[str, Any] = {
        "mode": mode,
        "allow_runtime_changes": given["allow_runtime_changes"],
        "ignore_ipolicy": given["ignore_ipolicy"],
        "target_node": given["target_node"],
    }
    if given["dry_run"]:
        return Outcome({"jobs": []})
    jobs = []
    for instance in context.cluster.on_node(member.name):
        if instance.name not in context.cluster.instances:
            continue
        ops = (("OP_INSTANCE_MIGRATE", {"instance_name": instance.name, **common}),)
        jobs.append([True, await context.submit(ops, instance.name)])
    return Outcome({"jobs": jobs})


def _places(
    context: Context, given: Input, member: Member, leaving: list[Instance]
) -> tuple[dict[str, str], dict[str, str]]:
    remote = given["remote_node"]
    if remote is None:
        return places_for(member.name, rooms_of(context.cluster, context.nodes))
    target = named(str(remote), context.cluster)
    if target.name == member.name:
        raise OpPrereqError("The destination node is the node to be evacuated", WRONG_INPUT)
    movable = {each.name for each in leaving if each.disk_template in SHARED}
    failed = {
        each.name: "its disks are on that node only" for each in leaving if each.name not in movable
    }
    return dict.fromkeys(movable, target.name), failed


def _move(name: str, target: str, is_offline: bool) -> tuple[str, Mapping[str, Any]]:
    given = {"instance_name": name, "target_node": target}
    if is_offline:
        return "OP_INSTANCE_FAILOVER", given
    return "OP_INSTANCE_MIGRATE", {**given, "allow_failover": True}


def _member(context: Context, given: Input) -> Member:
    member = context.cluster.members.get(str(given["node_name"]))
    if member is None:
        raise OpPrereqError(f"Node '{given['node_name']}' not known", UNKNOWN_ENTITY)
    return member


def _locks(given: Input) -> tuple[Lock, ...]:
    """Instances are locked by their jobs; a node is emptied by one job at a time."""
    return (Lock("node", str(given["node_name"])),)


OPCODES = (
    Opcode(
        op_id="OP_NODE_EVACUATE",
        fields=(
            Field("node_name", text, REQUIRED),
            Field("node_uuid", optional(text)),
            Field("mode", one_of("primary-only", "secondary-only", "all"), REQUIRED),
            Field("remote_node", optional(text)),
            Field("remote_node_uuid", optional(text)),
            Field("iallocator", optional(text)),
            Field("early_release", anything, False),
            Field("ignore_soft_errors", optional(boolean)),
        ),
        run=evacuate,
        recover=evacuate,
        locks=_locks,
        described_by="node_name",
    ),
    Opcode(
        op_id="OP_NODE_MIGRATE",
        fields=(
            Field("node_name", text, REQUIRED),
            Field("node_uuid", optional(text)),
            Field("mode", optional(one_of("live", "non-live"))),
            Field("live", optional(boolean)),
            Field("target_node", optional(text)),
            Field("target_node_uuid", optional(text)),
            Field("iallocator", optional(text)),
            Field("allow_runtime_changes", boolean, True),
            Field("ignore_ipolicy", boolean, False),
        ),
        run=migrate,
        recover=migrate,
        locks=_locks,
        described_by="node_name",
    ),
)

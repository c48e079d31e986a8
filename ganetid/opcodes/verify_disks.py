"""
OP_CLUSTER_VERIFY_DISKS and OP_GROUP_VERIFY_DISKS: which disks are not where they should be.

Source: Ganeti 3.0.2, LUClusterVerifyDisks, LUGroupVerifyDisks.  Unlike there all templates are
looked at, and instances that are down too.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ganetid.cluster.model import Instance, Member
from ganetid.jobs.locks import Lock
from ganetid.node.interface import INode
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Opcode, Outcome, optional
from ganetid.opcodes.errors import OpcodeError, OpExecError
from ganetid.opcodes.fields import boolean, text
from ganetid.opcodes.groups import group_named


@frozen
class _Found:
    """
    errors: of nodes that can't tell, by name.  missing: (node, disk) by instance.
    """

    errors: dict[str, str] = field(factory=dict)
    missing: dict[str, list[list[str]]] = field(factory=dict)


async def verify(context: Context, given: Input) -> Outcome:
    """``{"jobs": [[true, id], ...]}``: one for each group, or for the one that is named."""
    names = sorted(context.cluster.groups)
    if given["group_name"]:
        names = [group_named(context.cluster, given["group_name"]).name]
    if given["dry_run"]:
        return Outcome()
    jobs = []
    for name in names:
        wish: dict[str, Any] = {"group_name": name, "is_strict": given["is_strict"]}
        jobs.append(await context.submit((("OP_GROUP_VERIFY_DISKS", wish),), f"group {name}"))
    return Outcome({"jobs": [[True, job] for job in jobs]})


async def verify_group(context: Context, given: Input) -> Outcome:
    """
    ``[{node: error}, [], {instance: [[node, disk], ...]}]``.

    Ganeti's second is of instances whose disks are there and have to be activated: here guests have
    their disks attached when they start, so there are none.
    """
    group = group_named(context.cluster, given["group_name"])
    if given["dry_run"]:
        return Outcome()
    found = _Found()
    for member in context.cluster.members_of(group.name):
        instances = [
            each
            for each in context.cluster.instances.values()
            if each.primary_node == member.name and each.disks and not each.forthcoming
        ]
        if instances and not member.offline:
            await _look(context, member, instances, found)
    if given["is_strict"] and found.errors:
        told = "; ".join(f"{node}: {error}" for node, error in sorted(found.errors.items()))
        raise OpExecError(f"Not all disks could be looked at: {told}")
    return Outcome([found.errors, [], found.missing])


async def _look(context: Context, member: Member, instances: list[Instance], found: _Found) -> None:
    node = context.nodes.get(member.name)
    if node is None or not node.is_reachable:
        found.errors[member.name] = "the node can't be reached"
        return
    for instance in instances:
        try:
            missing = await _missing(context.actual(instance), node)
        except OpcodeError as error:
            found.errors[member.name] = f"{instance.name}: {error.args[0]}"
            continue
        is_still_here = context.cluster.instances.get(instance.name) == instance
        if missing and is_still_here:  # a job may have changed it meanwhile
            found.missing[instance.name] = [[member.name, name] for name in missing]


async def _missing(instance: Instance, node: INode) -> list[str]:
    return [each.name for each in instance.disks if not await node.has_disk(instance, each)]


STRICT = Field("is_strict", boolean, True)
OPCODES = (
    Opcode(
        op_id="OP_CLUSTER_VERIFY_DISKS",
        fields=(Field("group_name", optional(text)), STRICT),
        run=verify,
        recover=verify,
        locks=lambda given: (Lock("cluster", "", shared=True),),
    ),
    Opcode(
        op_id="OP_GROUP_VERIFY_DISKS",
        fields=(Field("group_name", text, REQUIRED), STRICT),
        run=verify_group,
        recover=verify_group,
        locks=lambda given: (),
        described_by="group_name",
    ),
)

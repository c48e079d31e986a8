"""
OP_NODE_SET_PARAMS: a node's role and what it can do.

Roles follow Ganeti's rules: offline, drained and master candidate exclude one another, and the
master's role changes by a failover only.  Source: Ganeti 3.0.2, lib/cmdlib/node.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ganetid.cluster.cluster_defaults import NDPARAM_TYPES, node_ndparams
from ganetid.cluster.model import Member, PutMember
from ganetid.cluster.typed import WrongType, forced
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    REQUIRED,
    Field,
    Input,
    Opcode,
    Outcome,
    anything,
    boolean,
    mapping,
    optional,
    text,
)
from ganetid.opcodes.errors import (
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpExecError,
    OpPrereqError,
    TypeEnforcementError,
)
from ganetid.opcodes.node_addresses import check_secondary_ip
from ganetid.opcodes.node_membership import locks
from ganetid.opcodes.node_pool import counted, is_wanted, others, promotions

ROLES = ("master_candidate", "drained", "offline")
ABILITIES = ("master_capable", "vm_capable")
ANSWERS_WITHIN_S = 10.0


async def set_params(context: Context, given: Input) -> Outcome:
    """Change a node; the result is Ganeti's list of [field, new value as text]."""
    member = context.cluster.members.get(str(given["node_name"]))
    if member is None:
        raise OpPrereqError(f"Node '{given['node_name']}' not known", UNKNOWN_ENTITY)
    _refuse(context, given, member)
    wanted = _wanted(context, given, member)
    if member.offline and not wanted.offline:
        await _check_answers(context, given, member)
    if given["secondary_ip"]:
        await check_secondary_ip(context, given, member)
    if given["dry_run"]:
        return Outcome()
    changed = [name for name in (*ABILITIES, *ROLES, "secondary_ip", "powered")
               if getattr(wanted, name) != getattr(member, name)]  # fmt: skip
    told = [[name, str(getattr(wanted, name))] for name in changed if name != "powered"]
    if wanted == member:
        return Outcome(told)
    newer = evolve(wanted, mtime=context.now(), serial_no=member.serial_no + 1)
    if not (given["auto_promote"] and _might_demote(given)):
        return Outcome(told, (PutMember(newer),))
    promoted = promotions(context, others(context.cluster, member.name))
    return Outcome(told, (PutMember(newer), *promoted))


def _refuse(context: Context, given: Input, member: Member) -> None:
    """Raise OpPrereqError for what can't be asked of this node."""
    flags = (*ROLES, *ABILITIES)
    all_fields = (*flags, "ndparams", "secondary_ip", "powered", "hv_state", "disk_state")
    if all(given[name] is None for name in all_fields):
        raise OpPrereqError("Please pass at least one modification", WRONG_INPUT)
    if sum(given[name] is True for name in flags) > 1:
        raise OpPrereqError(
            "Can't set the node into more than one state at the same time", WRONG_INPUT
        )
    if member.name == context.cluster.master:
        if any(given[name] is not None for name in ROLES):
            raise OpPrereqError(
                "The master role can be changed only via master-failover", WRONG_INPUT
            )
        if given["master_capable"] is False:
            raise OpPrereqError("The master node must be master capable", WRONG_INPUT)
    if given["master_candidate"] and not member.master_capable:
        raise OpPrereqError(
            f"Node {member.name} is not master capable, cannot make it a master candidate",
            WRONG_STATE,
        )
    if given["vm_capable"] is False and context.cluster.on_node(member.name):
        raise OpPrereqError(
            f"Node {member.name} hosts instances, cannot unset the vm_capable flag", WRONG_STATE
        )
    _refuse_demotion(context, given, member)
    _refuse_power(context, given, member)


def _refuse_demotion(context: Context, given: Input, member: Member) -> None:
    """Candidates have to be left, or others to be promoted."""
    if not member.master_candidate or not _might_demote(given) or given["auto_promote"]:
        return
    count = counted(context.cluster.facts, others(context.cluster, member.name))
    if count.now < count.wanted:
        raise OpPrereqError(
            "Not enough master candidates, please pass auto promote option to allow promotion"
            " (--auto-promote or RAPI auto_promote=True)",
            WRONG_STATE,
        )


def _might_demote(given: Input) -> bool:
    return (
        given["master_candidate"] is False
        or given["offline"] is True
        or given["drained"] is True
        or given["master_capable"] is False
    )


def _refuse_power(context: Context, given: Input, member: Member) -> None:
    """Whether a node has power is known where a program switches it."""
    group = context.cluster.groups[member.group]
    if not node_ndparams(context.cluster.facts, group, member)["oob_program"]:
        if given["powered"] is not None:
            raise OpPrereqError(
                f"Unable to change powered state for node {member.name} as it does not support"
                " out-of-band handling",
                WRONG_STATE,
            )
        return
    if member.offline and given["offline"] is False and not (member.powered or given["powered"]):
        raise OpPrereqError(
            f"Node {member.name} needs to be turned on before its offline status can be reset",
            WRONG_STATE,
        )


async def _check_answers(context: Context, given: Input, member: Member) -> None:
    """Raise OpPrereqError unless the node is there."""
    if given["dry_run"]:
        return
    try:
        await context.nodes.outside.greet(member, ANSWERS_WITHIN_S)
    except OpExecError as error:
        raise OpPrereqError(
            f"Node {member.name} is being de-offlined but fails to report its version:"
            f" {error.args[0]}",
            WRONG_STATE,
        ) from error
    context.log(
        "Transitioning node from offline to online state without using re-add. Please make sure"
        " the node is healthy!"
    )


def _wanted(context: Context, given: Input, member: Member) -> Member:
    fields: dict[str, Any] = {name: given[name] for name in ABILITIES if given[name] is not None}
    fields |= _new_roles(context, given, member)
    if given["ndparams"]:
        fields["ndparams"] = _merged(member.ndparams, given["ndparams"])
    if given["secondary_ip"]:
        fields["secondary_ip"] = given["secondary_ip"]
    if given["powered"] is not None:
        fields["powered"] = given["powered"]
    return evolve(member, **fields)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``default`` as a value takes a parameter out.  Raises TypeEnforcementError."""
    merged = {name: value for name, value in {**old, **new}.items() if value != "default"}
    try:
        return forced(merged, NDPARAM_TYPES)
    except WrongType as error:
        raise TypeEnforcementError(str(error)) from error


def _new_roles(context: Context, given: Input, member: Member) -> dict[str, bool]:
    """The node is in one role at most; who leaves another one becomes a candidate if wanted."""
    asked: dict[str, bool | None] = {name: given[name] for name in ROLES}
    for name in ROLES:
        if asked[name] is False and not getattr(member, name):
            asked[name] = None  # it is so already
    becomes_able = given["master_capable"] and not member.master_capable
    returns = asked["drained"] is False or asked["offline"] is False or becomes_able
    if returns and is_wanted(context.cluster):
        asked["master_candidate"] = True
        context.log("Auto-promoting node to master candidate")
    if given["master_capable"] is False and member.master_candidate:
        asked["master_candidate"] = False
    if all(value is None for value in asked.values()):
        return {}
    role = next((name for name in ROLES if asked[name]), None)
    return {name: name == role for name in ROLES}


OPCODES = (
    Opcode(
        op_id="OP_NODE_SET_PARAMS",
        fields=(
            Field("node_name", text, REQUIRED),
            Field("node_uuid", optional(text)),
            Field("force", boolean, False),
            Field("hv_state", anything),
            Field("disk_state", anything),
            *(Field(name, optional(boolean)) for name in ROLES),
            *(Field(name, optional(boolean)) for name in ABILITIES),
            Field("auto_promote", boolean, False),
            Field("ndparams", optional(mapping)),
            Field("secondary_ip", optional(text)),
            Field("powered", optional(boolean)),
        ),
        run=set_params,
        recover=set_params,
        locks=locks,
        described_by="node_name",
    ),
)

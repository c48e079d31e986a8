"""
OP_NODE_SET_PARAMS: a node's role and what it can do.

Roles follow Ganeti's rules: offline, drained and master candidate exclude one another, and the
master's role changes by a failover only.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ganetid.cluster.model import Change, Member, PutMember
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
from ganetid.opcodes.errors import UNKNOWN_ENTITY, WRONG_INPUT, WRONG_STATE, OpPrereqError
from ganetid.opcodes.node_membership import locks
from ganetid.opcodes.node_pool import may_be_candidate, pool_size, promotable

FLAGS = ("master_candidate", "offline", "drained", "master_capable", "vm_capable")
ROLES = ("master_candidate", "offline", "drained")


async def set_params(context: Context, given: Input) -> Outcome:
    """Change a node; the result is Ganeti's list of [field, new value]."""
    member = context.cluster.members.get(str(given["node_name"]))
    if member is None:
        raise OpPrereqError(f"Node '{given['node_name']}' not known", UNKNOWN_ENTITY)
    _refuse(context, given, member)
    wanted = _wanted(given, member)
    if given["dry_run"]:
        return Outcome()
    changes: list[Change] = []
    result = [[name, getattr(wanted, name)] for name in FLAGS
              if getattr(wanted, name) != getattr(member, name)]  # fmt: skip
    if wanted != member:
        newer = evolve(wanted, mtime=context.now(), serial_no=member.serial_no + 1)
        changes.append(PutMember(newer))
    changes += _promoted(context, given, wanted)
    return Outcome(result, tuple(changes))


def _refuse(context: Context, given: Input, member: Member) -> None:
    """Raise OpPrereqError for what can't be asked of this node."""
    asked = [name for name in FLAGS if given[name] is not None]
    others = ("ndparams", "secondary_ip", "powered", "hv_state", "disk_state")
    if not asked and all(given[name] is None for name in others):
        raise OpPrereqError("Please pass at least one modification", WRONG_INPUT)
    if sum(given[name] is True for name in ROLES) > 1:
        raise OpPrereqError(
            "Can't set the node into more than one state at the same time", WRONG_INPUT
        )
    if member.name == context.cluster.master and any(given[name] is not None for name in ROLES):
        raise OpPrereqError("The master role can be changed only via master-failover", WRONG_INPUT)
    if member.name == context.cluster.master and given["master_capable"] is False:
        raise OpPrereqError("The master node must be master capable", WRONG_INPUT)
    if given["vm_capable"] is False and context.cluster.on_node(member.name):
        names = ", ".join(each.name for each in context.cluster.on_node(member.name))
        raise OpPrereqError(
            f"Node {member.name} hosts instances ({names}), so its vm_capable flag can't be unset",
            WRONG_STATE,
        )
    _refuse_candidacy(context, given, member)


def _refuse_candidacy(context: Context, given: Input, member: Member) -> None:
    stays_out = member.offline and given["offline"] is not False
    stays_drained = member.drained and given["drained"] is not False
    if given["master_candidate"] and (stays_out or stays_drained):
        state = "offline" if stays_out else "drained"
        raise OpPrereqError(
            f"Node {member.name} is {state}; its role can't become master candidate", WRONG_INPUT
        )
    if given["master_candidate"] and not (given["master_capable"] or member.master_capable):
        raise OpPrereqError(f"Node {member.name} is not master capable", WRONG_INPUT)
    if not member.master_candidate or not _loses_candidacy(given):
        return
    left = [
        each
        for each in context.cluster.members.values()
        if each.master_candidate and each.name != member.name
    ]
    able = [each for each in context.cluster.members.values() if may_be_candidate(each)]
    wanted = min(pool_size(context.cluster.facts), len(able) - 1)
    if len(left) < wanted and not (given["force"] or given["auto_promote"]):
        raise OpPrereqError(
            f"Not enough master candidates left (desired {wanted}, current {len(left)}):"
            " pass auto_promote to fill the pool, or force",
            WRONG_STATE,
        )


def _loses_candidacy(given: Input) -> bool:
    return (
        given["master_candidate"] is False
        or given["offline"] is True
        or given["drained"] is True
        or given["master_capable"] is False
    )


def _wanted(given: Input, member: Member) -> Member:
    fields: dict[str, Any] = {name: given[name] for name in FLAGS if given[name] is not None}
    for role in ROLES:
        if fields.get(role):  # being in one role is being in no other
            fields.update({other: False for other in ROLES if other != role})
    if fields.get("master_capable") is False:
        fields["master_candidate"] = False
    if given["ndparams"]:
        fields["ndparams"] = _merged(member.ndparams, given["ndparams"])
    if given["secondary_ip"]:
        fields["secondary_ip"] = given["secondary_ip"]
    return evolve(member, **fields)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``default`` as a value takes a parameter out."""
    merged = {**old, **new}
    return {key: value for key, value in merged.items() if value != "default"}


def _promoted(context: Context, given: Input, wanted: Member) -> list[Change]:
    """Nodes that become candidates in its place, with what the job's log says of it."""
    if not given["auto_promote"]:
        return []
    others = [each for each in context.cluster.members.values() if each.name != wanted.name]
    chosen = promotable(context.cluster.facts, [wanted, *others])
    chosen = [each for each in chosen if each.name != wanted.name]
    if chosen:
        names = ", ".join(each.name for each in chosen)
        context.log(f"Promoted nodes to master candidate role: {names}")
    return [
        PutMember(
            evolve(
                each,
                master_candidate=True,
                mtime=context.now(),
                serial_no=each.serial_no + 1,
            )
        )
        for each in chosen
    ]


OPCODES = (
    Opcode(
        op_id="OP_NODE_SET_PARAMS",
        fields=(
            Field("node_name", text, REQUIRED),
            Field("node_uuid", optional(text)),
            Field("force", boolean, False),
            Field("hv_state", anything),
            Field("disk_state", anything),
            *(Field(name, optional(boolean)) for name in FLAGS),
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

"""
OP_NODE_ADD and OP_NODE_REMOVE: who belongs to the cluster.
"""

from __future__ import annotations

import uuid

from attrs import evolve

from ganetid.cluster.first_start import FIRST_GROUP
from ganetid.cluster.model import DropMember, Member, PutMember
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
    mapping,
    optional,
    text,
)
from ganetid.opcodes.errors import ALREADY_EXISTS, UNKNOWN_ENTITY, WRONG_INPUT, OpPrereqError
from ganetid.opcodes.node_pool import is_wanted, others, promotions

ANSWERS_WITHIN_S = 120.0


async def add(context: Context, given: Input) -> Outcome:
    """
    Take a machine into the cluster once its daemon answers.

    It has its certificate already, by an invitation (`ganetid-admin node join`).
    """
    name = str(given["node_name"])
    known = context.cluster.members.get(name)
    if known is not None and not given["readd"]:
        raise OpPrereqError(f"Node '{name}' is already in the configuration", ALREADY_EXISTS)
    if known is None and given["readd"]:
        raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)
    if given["address"] is None or given["fingerprint"] is None:
        raise OpPrereqError(
            "A node is added by an invitation: see ganetid-admin node add", WRONG_INPUT
        )
    member = _member(context, given, known)
    if given["dry_run"]:
        return Outcome()
    context.log(f"Waiting for ganetid on {name} to answer")
    await context.nodes.outside.greet(member, ANSWERS_WITHIN_S)
    return Outcome(None, (PutMember(member),))


async def remove(context: Context, given: Input) -> Outcome:
    """Take an empty node out of the cluster."""
    name = str(given["node_name"])
    if name not in context.cluster.members:
        raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)
    if name == context.cluster.master:
        raise OpPrereqError(
            "Node is the master node, failover to another node is required", WRONG_INPUT
        )
    ours = context.cluster.on_node(name)
    if ours:
        raise OpPrereqError(
            f"Instance {ours[0].name} is still running on the node, please remove first",
            WRONG_INPUT,
        )
    if given["dry_run"]:
        return Outcome()
    promoted = promotions(context, others(context.cluster, name))
    return Outcome(None, (DropMember(name), *promoted))


def _member(context: Context, given: Input, known: Member | None) -> Member:
    group = given["group"] or (known.group if known else FIRST_GROUP)
    found = context.cluster.groups.get(group) or next(
        (each for each in context.cluster.groups.values() if each.uuid == group), None
    )
    if found is None:
        raise OpPrereqError(f"Group '{group}' not known", UNKNOWN_ENTITY)
    host, port = given["address"]
    now = context.now()
    ip = given["primary_ip"] or host
    fresh = Member(
        name=str(given["node_name"]),
        uuid=known.uuid if known else str(uuid.uuid4()),
        group=found.name,
        ctime=known.ctime if known else now,
        mtime=now,
        primary_ip=ip,
        secondary_ip=given["secondary_ip"] or ip,
        address=(str(host), int(port)),
        fingerprint=given["fingerprint"],
        master_candidate=given["master_capable"]
        and is_wanted(context.cluster, without=str(given["node_name"])),
        master_capable=given["master_capable"],
        vm_capable=given["vm_capable"],
        ndparams=dict(given["ndparams"] or {}),
    )
    if known is None:
        return fresh
    return evolve(fresh, tags=known.tags, serial_no=known.serial_no + 1)


def _is_address(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def locks(given: Input) -> tuple[Lock, ...]:
    """The node, exclusively; and the roles of all nodes, which depend on one another."""
    return (Lock("node", str(given["node_name"])), Lock("cluster", "roles"))


OPCODES = (
    Opcode(
        op_id="OP_NODE_ADD",
        fields=(
            Field("node_name", text, REQUIRED),
            Field("primary_ip", optional(text)),
            Field("secondary_ip", optional(text)),
            Field("readd", boolean, False),
            Field("group", optional(text)),
            Field("master_capable", boolean, True),
            Field("vm_capable", boolean, True),
            Field("ndparams", optional(mapping)),
            Field("hv_state", anything),
            Field("disk_state", anything),
            Field("node_setup", anything, False),
            Field("address", optional(_is_address)),
            Field("fingerprint", optional(text)),
        ),
        run=add,
        recover=add,
        locks=locks,
        described_by="node_name",
    ),
    Opcode(
        op_id="OP_NODE_REMOVE",
        fields=(Field("node_name", text, REQUIRED), Field("node_uuid", optional(text))),
        run=remove,
        recover=remove,
        locks=locks,
        described_by="node_name",
    ),
)

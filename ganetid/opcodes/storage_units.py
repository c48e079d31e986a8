"""
OP_NODE_QUERY_STORAGE, OP_NODE_MODIFY_STORAGE, OP_REPAIR_NODE_STORAGE: room on nodes, by unit.

A unit here is a disk template that keeps files on its node.
"""

from __future__ import annotations

from typing import Any

from ganetid.cluster.model import Member
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Opcode, Outcome
from ganetid.opcodes.errors import (
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    OpPrereqError,
)
from ganetid.opcodes.fields import boolean, list_of_text, mapping, one_of, optional, text

TYPES = ("blockdev", "diskless", "ext", "file", "gluster", "lvm-pv", "lvm-vg", "rados",
         "sharedfile")  # fmt: skip
FIELDS = ("name", "size", "used", "free", "allocatable", "node", "type")


async def query(context: Context, given: Input) -> Outcome:
    """A row for each unit, with the fields that are asked for."""
    unknown = sorted(set(given["output_fields"]) - set(FIELDS))
    if unknown:
        raise OpPrereqError(f"Unknown output fields selected: {', '.join(unknown)}", WRONG_INPUT)
    names = given["nodes"] or sorted(context.cluster.members)
    members = [_member(context, name) for name in names]
    if given["dry_run"]:
        return Outcome()
    rows = [row for member in members for row in await _units(context, member, given)]
    return Outcome([[row[field] for field in given["output_fields"]] for row in rows])


async def _units(context: Context, member: Member, given: Input) -> list[dict[str, Any]]:
    """What there is on a node; nothing on one that is offline."""
    if member.offline:
        return []
    spaces = await context.nodes.named(member.name).spaces()
    wanted = given["storage_type"]
    return [
        {
            "name": name,
            "size": space.total_mib,
            "used": space.total_mib - space.free_mib,
            "free": space.free_mib,
            "allocatable": True,
            "node": member.name,
            "type": name,
        }
        for name, space in sorted(spaces.items())
        if wanted in {None, name} and given["name"] in {None, name}
    ]


async def modify(context: Context, given: Input) -> Outcome:
    """No unit here has anything that can be changed."""
    _member(context, given["node_name"])
    raise OpPrereqError(
        f"Storage units of type '{given['storage_type']}' can not be modified", WRONG_INPUT
    )


async def repair(context: Context, given: Input) -> Outcome:
    """Only volume groups can be repaired, and there are none."""
    _member(context, given["node_name"])
    raise OpPrereqError(
        f"Storage units of type '{given['storage_type']}' can not be repaired", WRONG_INPUT
    )


def _member(context: Context, name: str) -> Member:
    member = context.cluster.members.get(name)
    if member is None:
        raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)
    return member


def _none(given: Input) -> tuple[Lock, ...]:
    return ()


NODE = (Field("node_name", text, REQUIRED), Field("node_uuid", optional(text)))
_UNIT = (Field("storage_type", one_of(*TYPES), REQUIRED), Field("name", optional(text)))
OPCODES = (
    Opcode(
        "OP_NODE_QUERY_STORAGE",
        (
            Field("output_fields", list_of_text, REQUIRED),
            Field("storage_type", optional(one_of(*TYPES))),
            Field("nodes", list_of_text, []),
            Field("name", optional(text)),
        ),
        query,
        query,
        _none,
    ),
    Opcode(
        "OP_NODE_MODIFY_STORAGE",
        (*NODE, *_UNIT, Field("changes", mapping, REQUIRED)),
        modify,
        modify,
        _none,
        "node_name",
    ),
    Opcode(
        "OP_REPAIR_NODE_STORAGE",
        (*NODE, *_UNIT, Field("ignore_consistency", boolean, False)),
        repair,
        repair,
        _none,
        "node_name",
    ),
)

"""
OP_CLUSTER_VERIFY_GROUP: whether the nodes of a group and what is on them are as configured.

Source: Ganeti 3.0.2, LUClusterVerifyGroup.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from ganetid.cluster.model import ADMIN_OFFLINE, Member
from ganetid.node.interface import INode
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Opcode, Outcome, list_of, one_of
from ganetid.opcodes.errors import OpcodeError
from ganetid.opcodes.fields import boolean, text
from ganetid.opcodes.groups import group_named
from ganetid.opcodes.verify_instance import instance_findings
from ganetid.opcodes.verify_report import FIELDS, Finding, Report, report
from ganetid.os.definition import OsDefinition
from ganetid.placement.allocator import Room
from ganetid.placement.rooms import SHARED, rooms_of

N_PLUS_ONE = "nplusone_mem"
Systems = Mapping[str, OsDefinition]


@frozen
class Seen:
    """A node that answered: what it has."""

    node: INode
    systems: tuple[OsDefinition, ...]


async def verify_group(context: Context, given: Input) -> Outcome:
    """True when nothing is wrong."""
    told = report(context, given)
    group = group_named(context.cluster, given["group_name"])
    if given["dry_run"]:
        return Outcome()
    told.step(f"Verifying group '{group.name}'")
    members = context.cluster.members_of(group.name)
    if not members:
        told.step("Empty node group, skipping verification")
        return Outcome(True)
    told.step(f"Gathering information about nodes ({len(members)} nodes)")
    seen = await _seen(context, told, members)
    told.step("Verifying node status")
    told.tell(of_systems({name: each.systems for name, each in seen.items()}))
    told.tell(_of_strangers(context, list(seen.values())))
    told.step("Verifying instance status")
    for member in members:
        async for finding in _of_instances(context, member, seen):
            told.tell([finding])
    if N_PLUS_ONE not in given["skip_checks"]:
        told.step("Verifying N+1 Memory redundancy")
        rooms = rooms_of(context.cluster, context.nodes)
        told.tell(of_memory([each for each in rooms if each.group == group.name]))
    _notes(context, told, members)
    return Outcome(told.is_good)


async def _seen(context: Context, told: Report, members: list[Member]) -> dict[str, Seen]:
    """What each node says of itself; of one that can't be reached there is a finding."""
    seen: dict[str, Seen] = {}
    for member in members:
        if member.offline:
            told.step(f"Skipping offline node {member.name}")
            continue
        node = context.nodes.get(member.name)
        try:
            if node is None or not node.is_reachable:
                raise OpcodeError("no data returned")
            await node.facts()
            systems = await node.diagnose_os() if member.vm_capable else ()
        except OpcodeError as error:
            words = f"unable to verify node: {error.args[0]}"
            told.tell([Finding("ENODERPC", member.name, words)])
        else:
            seen[member.name] = Seen(node, systems)
    return seen


def of_systems(seen: Mapping[str, Iterable[OsDefinition]]) -> Iterator[Finding]:
    """
    Systems that are broken, or not the same on all nodes as on the first.

    seen: by the names of nodes.
    """
    for node, systems in seen.items():
        for system in systems:
            if system.problem is not None:
                words = (
                    f"Invalid OS {system.name} (located at {system.directory}): {system.problem}"
                )
                yield Finding("ENODEOS", node, words)
    whole = {
        node: {system.name: system for system in systems if system.is_valid}
        for node, systems in seen.items()
    }
    able = [node for node, systems in whole.items() if systems]
    for node in able[1:]:
        yield from _compared(node, whole[node], able[0], whole[able[0]])


def _compared(node: str, had: Systems, base: str, wanted: Systems) -> Iterator[Finding]:
    """A node's systems, beside those of the reference node."""
    missing = sorted(set(wanted) - set(had))
    if missing:
        words = f"OSes present on reference node {base} but missing on this node:"
        yield Finding("ENODEOS", node, f"{words} {', '.join(missing)}")
    for name in sorted(set(had) - set(wanted)):
        words = f"Extra OS {name} not present on reference node ({base})"
        yield Finding("ENODEOS", node, words)
    for name in sorted(set(had) & set(wanted)):
        yield from _differences(node, base, had[name], wanted[name])


def _differences(
    node: str, base: str, had: OsDefinition, wanted: OsDefinition
) -> Iterator[Finding]:
    kinds: tuple[tuple[str, Any, Any], ...] = (
        ("API version", had.api_versions, wanted.api_versions),
        ("variants list", had.variants, wanted.variants),
        ("parameters", had.parameters, wanted.parameters),
    )
    for kind, ours, theirs in kinds:
        if sorted(ours) != sorted(theirs):
            words = f"OS {kind} for {had.name} differs from reference node {base}:"
            yield Finding("ENODEOS", node, f"{words} {list(theirs)} vs. {list(ours)}")


def _of_strangers(context: Context, seen: list[Seen]) -> Iterator[Finding]:
    """Guests that run without an instance."""
    for each in seen:
        for name in sorted(each.node.running):
            if not context.cluster.is_known(name):
                words = f"node is running unknown instance {name}"
                yield Finding("ENODEORPHANINSTANCE", each.node.name, words)


async def _of_instances(
    context: Context, member: Member, seen: dict[str, Seen]
) -> AsyncIterator[Finding]:
    for instance in context.cluster.on_node(member.name):
        if instance.name not in context.cluster.instances:
            continue  # it is being made
        there = seen.get(member.name)
        node = None if there is None else there.node
        async for finding in instance_findings(context, instance, member, node):
            yield finding


def of_memory(rooms: list[Room]) -> Iterator[Finding]:
    """
    Nodes of a group whose guests would not fit on the others, all together.

    Nobody expects that of a group of one node.
    """
    if len(rooms) < 2:
        return
    for failed in rooms:
        needed = sum(load.memory_mib for load in failed.movable)
        free = sum(_free_mib(room) for room in rooms if room.takes and room.name != failed.name)
        if needed > free:
            words = (
                "not enough memory to accomodate instance failovers should node"
                f" {failed.name} fail ({needed}MiB needed, {free}MiB available)"
            )
            yield Finding("ENODEN1", failed.name, words)


def _free_mib(room: Room) -> int:
    return max(0, room.memory_left_mib)


def _notes(context: Context, told: Report, members: list[Member]) -> None:
    instances = [each for member in members for each in context.cluster.on_node(member.name)]
    counts = {
        "non-redundant instance(s)": sum(each.disk_template not in SHARED for each in instances),
        "offline instance(s)": sum(each.admin_state == ADMIN_OFFLINE for each in instances),
        "offline node(s)": sum(member.offline for member in members),
        "drained node(s)": sum(member.drained for member in members),
    }
    told.step("Other Notes")
    for what, count in counts.items():
        if count:
            context.log(f"  - NOTICE: {count} {what} found.")


OPCODES = (
    Opcode(
        op_id="OP_CLUSTER_VERIFY_GROUP",
        fields=(
            Field("group_name", text, REQUIRED),
            *FIELDS,
            Field("skip_checks", list_of(one_of(N_PLUS_ONE)), []),
            Field("verify_clutter", boolean, False),
        ),
        run=verify_group,
        recover=verify_group,
        locks=lambda given: (),
        described_by="group_name",
        spoilt_by_hooks=True,
    ),
)

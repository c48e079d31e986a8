"""
OP_INSTANCE_MOVE: an instance whose disks are files of its node goes to another node, content and
all.
"""

from __future__ import annotations

from attrs import evolve

from ganetid.cluster.model import ADMIN_UP, AddDebris, Disk, Instance
from ganetid.node.interface import INode
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    REQUIRED,
    Field,
    Input,
    Outcome,
    anything,
    boolean,
    not_negative,
    optional,
    text,
)
from ganetid.opcodes.errors import (
    WRONG_STATE,
    Cancelled,
    OpcodeError,
    OpExecError,
    OpPrereqError,
)
from ganetid.opcodes.instance_power import SHUTDOWN_TIMEOUT_S
from ganetid.opcodes.instances import debris_of, found, instance_opcode
from ganetid.opcodes.moves import Move, copy_config_drive
from ganetid.placement.choice import target_for

COPYABLE = frozenset({"file", "plain"})  # Ganeti's DTS_COPYABLE
CHUNK = 4 * 1024 * 1024
MIB = 1024 * 1024


async def move(context: Context, given: Input) -> Outcome:
    """
    Stop it, copy its disks, and start it on the target.

    On failure it is as it was, stopped; when it is called off it runs on where it was.
    """
    instance = found(context, given)
    if instance.disk_template not in COPYABLE:
        raise OpPrereqError(
            f"Disk template {instance.disk_template} not suitable for copying", WRONG_STATE
        )
    target = target_for(instance, given, context.cluster, context.nodes)
    if given["dry_run"]:
        return Outcome()
    way = Move(instance, context.node_of(instance), context.nodes.named(target))
    await context.note(way.notes)
    context.log(f"Shutting down instance {instance.name} on source node {way.source.name}")
    await way.source.stop(context.actual(instance), float(given["shutdown_timeout"]))
    try:
        await _copy(context, way)
        await copy_config_drive(context, way)
    except Cancelled:
        await _undo(context, way)
        await _start(context, instance, way.source)
        raise
    except OpcodeError as error:
        await _undo(context, way)
        raise OpExecError(
            f"Errors during disk copy: {error.args[0]}; the instance is stopped on its old node"
        ) from error
    await context.keep((way.moved(context.now()),))
    return await _at_its_new_place(context, way)


async def recover(context: Context, given: Input) -> Outcome:
    """Before its new place was durable, what was copied goes; after that it is started there."""
    if "moves" not in context.made:
        raise OpExecError("ganetid was interrupted before anything was moved")
    instance, nodes = found(context, given), context.nodes
    source, target = nodes.named(context.made["source"]), nodes.named(context.made["target"])
    nodes.expected.discard((target.name, instance.name))
    way = Move(instance, source, target)
    if instance.primary_node != target.name:
        await _undo(context, way)
        raise OpExecError("ganetid was interrupted; the instance is stopped on its old node")
    return await _at_its_new_place(context, way)


async def _copy(context: Context, way: Move) -> None:
    for index, disk in enumerate(way.instance.disks):
        context.log(f"Copying data for disk {index}")
        fresh = evolve(disk, params={**disk.params, "origin": ""})
        if not await way.target.has_disk(way.instance, disk):
            await way.target.create_disk(way.instance, fresh)
        await _copy_disk(context, way, disk)


async def _copy_disk(context: Context, way: Move, disk: Disk) -> None:
    """Chunk by chunk; those of zeros are there already.  Raises Cancelled."""
    size = disk.size_mib * MIB
    for offset in range(0, size, CHUNK):
        context.check_cancelled()
        content = await way.source.read_chunk(way.instance, disk, offset, CHUNK)
        is_last = offset + CHUNK >= size
        if any(content) or is_last:
            await way.target.write_chunk(way.instance, disk, offset, content, is_last)


async def _at_its_new_place(context: Context, way: Move) -> Outcome:
    """Remove it from the old node, and start it."""
    left = []
    old = evolve(way.instance, primary_node=way.source.name)
    await way.source.forget_guest(old)
    for disk in old.disks:
        try:
            await way.source.remove_disk(old, disk)
        except OpcodeError as error:
            context.log(f"Disk {disk.name} is left to be removed later: {error.args[0]}")
            left.append(AddDebris(debris_of(old, disk)))
    await _start(context, evolve(way.instance, primary_node=way.target.name), way.target)
    return Outcome(None, tuple(left))


async def _start(context: Context, instance: Instance, node: INode) -> None:
    if instance.admin_state == ADMIN_UP and not await node.is_running(instance):
        context.log(f"Starting instance {instance.name} on node {node.name}")
        await node.start(context.actual(instance))


async def _undo(context: Context, way: Move) -> None:
    for disk in way.instance.disks:
        try:
            await way.target.remove_disk(way.instance, disk)
            await way.target.forget_guest(way.instance)
        except OpcodeError as error:
            context.log(f"Something is left on {way.target.name}: {error.args[0]}")


OPCODES = (
    instance_opcode(
        "OP_INSTANCE_MOVE",
        move,
        Field("target_node", text, REQUIRED),
        Field("target_node_uuid", optional(text)),
        Field("compress", anything, "none"),
        Field("shutdown_timeout", not_negative, SHUTDOWN_TIMEOUT_S),
        Field("ignore_consistency", boolean, False),
        Field("ignore_ipolicy", boolean, False),
        recover=recover,
    ),
)

"""
OP_INSTANCE_RENAME: an instance that is off gets another name, and its disks with it.
"""

from __future__ import annotations

from attrs import evolve

from ganetid.cluster.model import Change, DropInstance, Instance, PutInstance
from ganetid.jobs.locks import Lock
from ganetid.opcodes import systems
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import INSTANCE, REQUIRED, Field, Input, Opcode, Outcome
from ganetid.opcodes.errors import (
    ALREADY_EXISTS,
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    OpPrereqError,
)
from ganetid.opcodes.fields import boolean, text
from ganetid.opcodes.host_names import require_unused, resolved
from ganetid.opcodes.instance_parameters import NAME
from ganetid.opcodes.instances import NAMED, alone, found, require_off


async def rename(context: Context, given: Input) -> Outcome:
    """
    Give it another name.

    Disks that are told by the instance's name move; a volume with a name of its own keeps it.
    """
    instance, name = found(context, given, even_forthcoming=True), given["new_name"]
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid instance name '{name}'", WRONG_INPUT)
    if given["ip_check"] and not given["name_check"]:
        raise OpPrereqError("IP address check requires a name check", WRONG_INPUT)
    if given["name_check"]:
        host = await resolved(name)
        name = host.name
        if given["ip_check"]:
            await require_unused(host, name)
    await require_off(context, instance, "cannot rename")
    if name == instance.name:
        return Outcome(name)
    if context.cluster.is_known(name):
        raise OpPrereqError(f"Instance '{name}' is already in the cluster", ALREADY_EXISTS)
    if given["dry_run"]:
        return Outcome(name)
    return await _move(context, instance, name)


async def recover(context: Context, given: Input) -> Outcome:
    """Moving disks again is harmless; the new name is entered with the opcode's end."""
    if given["instance_name"] not in context.cluster.instances:
        raise OpPrereqError(f"Instance '{given['instance_name']}' not known", UNKNOWN_ENTITY)
    return await rename(context, given)


async def _move(context: Context, instance: Instance, name: str) -> Outcome:
    renamed = evolve(instance, name=name, mtime=context.now(), serial_no=instance.serial_no + 1)
    if not instance.forthcoming:
        await _move_files(context, instance, name)
        await systems.rename(context, renamed, instance.name)
    changes: tuple[Change, ...] = (DropInstance(instance.name), PutInstance(renamed))
    return Outcome(name, changes)


async def _move_files(context: Context, instance: Instance, name: str) -> None:
    node = context.node_of(instance)
    for disk in instance.disks:
        await node.rename_disk(instance, disk, name, disk.name)
    await node.rename_files(instance, name)


def _locks(given: Input) -> tuple[Lock, ...]:
    return (*alone(given), Lock("instance", str(given["new_name"])))


OPCODES = (
    Opcode(
        op_id="OP_INSTANCE_RENAME",
        fields=(
            *NAMED,
            Field("new_name", text, REQUIRED),
            Field("name_check", boolean, True),
            Field("ip_check", boolean, True),
        ),
        run=rename,
        recover=recover,
        locks=_locks,
        subject=(INSTANCE, "instance_name"),
    ),
)

"""
What opcodes on an existing instance share: finding it, locking it, its next version.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ganetid.cluster.model import (
    ADMIN_DOWN,
    ADMIN_OFFLINE,
    Debris,
    Disk,
    Instance,
    PutInstance,
)
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    INSTANCE,
    REQUIRED,
    Field,
    Input,
    Opcode,
    Perform,
    optional,
    text,
)
from ganetid.opcodes.errors import UNKNOWN_ENTITY, WRONG_STATE, OpPrereqError


def found(context: Context, given: Input, even_forthcoming: bool = False) -> Instance:
    """
    The instance that is meant.  Raises OpPrereqError when there is none.

    even_forthcoming: also one of which nothing was made yet.
    """
    name = str(given["instance_name"])
    instance = context.cluster.instances.get(name)
    if instance is None:
        raise OpPrereqError(f"Instance '{name}' not known", UNKNOWN_ENTITY)
    if instance.forthcoming and not even_forthcoming:
        raise OpPrereqError("forthcoming instances not supported for this operation", WRONG_STATE)
    return instance


def require_state(instance: Instance, states: tuple[str, ...], purpose: str) -> None:
    """Raises OpPrereqError unless the instance is meant to be in one of these states."""
    if instance.admin_state not in states:
        raise OpPrereqError(
            f"Instance '{instance.name}' is marked to be {instance.admin_state}, {purpose}",
            WRONG_STATE,
        )


async def require_off(context: Context, instance: Instance, purpose: str) -> None:
    """Raises OpPrereqError for an instance that is meant to run, or whose guest runs."""
    require_state(instance, (ADMIN_DOWN, ADMIN_OFFLINE), purpose)
    if await context.node_of(instance).is_running(instance):
        raise OpPrereqError(f"Instance {instance.name} is running, {purpose}", WRONG_STATE)


def debris_of(instance: Instance, disk: Disk) -> Debris:
    """The disk as something still to be removed."""
    return Debris(
        instance.disk_template, disk.provider, instance.name, disk.name, instance.primary_node
    )


def changed(instance: Instance, now: float, **fields: Any) -> tuple[PutInstance, ...]:
    """The change to the instance's next version; nothing when the fields have these values."""
    if all(getattr(instance, name) == value for name, value in fields.items()):
        return ()
    newer = evolve(instance, mtime=now, serial_no=instance.serial_no + 1, **fields)
    return (PutInstance(newer),)


async def forget_memory(context: Context, instance: Instance) -> None:
    """Its disks will not be what its guest remembers, if that sleeps: it begins anew."""
    if instance.memory_on and context.nodes.is_up(instance.memory_on):
        await context.nodes.named(instance.memory_on).forget_memory(instance)


def alone(given: Input) -> tuple[Lock, ...]:
    """The instance, exclusively."""
    return (Lock("instance", str(given["instance_name"])),)


NAMED = (Field("instance_name", text, REQUIRED), Field("instance_uuid", optional(text)))


def instance_opcode(
    op_id: str, run: Perform, *fields: Field, recover: Perform | None = None, **more: Any
) -> Opcode:
    """
    An opcode about one existing instance, which it has to itself.

    recover: None where every step may find its work done already, so that after a crash it is
    simply done again.  more: of Opcode.
    """
    return Opcode(
        op_id=op_id,
        fields=(*NAMED, *fields),
        run=run,
        recover=recover or run,
        locks=alone,
        described_by="instance_name",
        subject=(INSTANCE, "instance_name"),
        **more,
    )

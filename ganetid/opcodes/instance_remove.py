"""
OP_INSTANCE_REMOVE: the guest, its taps, config drive and volumes, and then its name.
"""

from __future__ import annotations

from ganetid.cluster.model import AddDebris, Change, DropInstance
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    Field,
    Input,
    Outcome,
    boolean,
    not_negative,
)
from ganetid.opcodes.errors import OpcodeError
from ganetid.opcodes.instance_power import SHUTDOWN_TIMEOUT_S
from ganetid.opcodes.instances import debris_of, found, instance_opcode


async def remove(context: Context, given: Input) -> Outcome:
    """
    Remove the instance with all that belongs to it.

    Every step may find its work done already, so after a crash it is simply done again.  A volume
    that can't be removed fails the job and the instance stays, to be removed again; with
    ignore_failures the volume is left for later.
    """
    instance = found(context, given, even_forthcoming=True)
    if given["dry_run"]:
        return Outcome()
    if instance.forthcoming:  # volumes of its disks' names may be somebody else's
        return Outcome(None, (DropInstance(instance.name),))
    node = context.node_of(instance)
    if await node.is_running(instance):
        await node.stop(instance, int(given["shutdown_timeout"]))
    await node.clear(instance)
    left: list[Change] = []
    for disk in instance.disks:
        try:
            await node.remove_disk(instance, disk)
        except OpcodeError as error:
            if not given["ignore_failures"]:
                raise
            context.log(f"Disk {disk.name} is left to be removed later: {error.args[0]}")
            left.append(AddDebris(debris_of(instance, disk)))
    return Outcome(None, (*left, DropInstance(instance.name)))


OPCODES = (
    instance_opcode(
        "OP_INSTANCE_REMOVE",
        remove,
        Field("shutdown_timeout", not_negative, SHUTDOWN_TIMEOUT_S),
        Field("ignore_failures", boolean, False),
    ),
)

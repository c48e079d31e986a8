"""
What OP_INSTANCE_SET_PARAMS does to disks and NICs: made, plugged in, taken out, removed.
"""

from __future__ import annotations

from typing import Any

from ganetid.cluster.model import Disk, Instance, Nic
from ganetid.opcodes.context import Context
from ganetid.opcodes.device_changes import ADD, DETACH, GOES
from ganetid.opcodes.errors import ALREADY_EXISTS, OpcodeError, OpExecError, OpPrereqError
from ganetid.opcodes.modify_plan import Plan, Step


async def perform(context: Context, old: Instance, plan: Plan, hot: bool) -> list[list[Any]]:
    """Do the steps on the node; what Ganeti tells of them."""
    await _refuse_existing(context, plan)
    added = [step.device for step in (*plan.disks, *plan.nics) if step.action == ADD]
    if added:
        await context.note({
            "disks": [each for each in added if isinstance(each, Disk)],
            "nics": [each for each in added if isinstance(each, Nic)],
        })  # fmt: skip
    done: list[Step] = []
    told: list[list[Any]] = list(plan.told_disks)
    try:
        for step in plan.disks:
            done.append(step)
            told += await _disk_step(context, old, plan.instance, step, hot)
        told += plan.told_nics
        for step in plan.nics:
            done.append(step)
            told += await _nic_step(context, old, plan.instance, step, hot)
    except OpcodeError as error:
        if isinstance(error, OpExecError) and error.nothing_made:
            done.pop()
        await _take_back(context, old, done, hot)
        raise
    return told


async def _refuse_existing(context: Context, plan: Plan) -> None:
    """Volumes of others stay theirs: nothing is done when a disk to be made is there already."""
    node = context.node_of(plan.instance)
    for step in plan.disks:
        disk = step.device
        if step.action != ADD or not isinstance(disk, Disk) or disk.reuses_data:
            continue
        if await node.has_disk(plan.instance, disk):
            raise OpPrereqError(f"Volume {disk.name} exists already", ALREADY_EXISTS)


async def _disk_step(
    context: Context, old: Instance, new: Instance, step: Step, hot: bool
) -> list[list[Any]]:
    node, disk = context.node_of(new), step.device
    assert isinstance(disk, Disk)
    told: list[list[Any]] = []
    label = f"disk/{step.index}"
    if step.action == ADD:
        if not disk.reuses_data:
            await node.create_disk(new, disk)
        if hot:
            await node.plug_disk(context.actual(new), disk, step.index)
            told.append([label, "hotplug:done"])
    elif step.action in GOES:
        if hot:
            await node.unplug_disk(old, disk)
            told.append([label, "hotplug:done"])
        if step.action != DETACH:
            await node.remove_disk(old, disk)
    return told


async def _nic_step(
    context: Context, old: Instance, new: Instance, step: Step, hot: bool
) -> list[list[Any]]:
    nic = step.device
    assert isinstance(nic, Nic)
    if not hot:
        return []
    node = context.node_of(new)
    if step.action == ADD:
        await node.plug_nic(context.actual(new), nic, step.index)
        return [[f"nic.{step.index}", "hotplug:done"]]
    if step.action in GOES:
        await node.unplug_nic(old, nic)
    else:
        before = next(each for each in old.nics if each.uuid == nic.uuid)
        if (before.mac, before.link, before.mode) != (nic.mac, nic.link, nic.mode):
            await node.unplug_nic(old, before)
            await node.plug_nic(context.actual(new), nic, step.index)
        else:
            await node.update_nics(context.actual(new))
    return [[f"nic/{step.index}", "hotplug:done"]]


async def _take_back(context: Context, instance: Instance, done: list[Step], hot: bool) -> None:
    """Remove what steps have added; the failure that led here is what is told."""
    node = context.node_of(instance)
    for step in reversed(done):
        if step.action != ADD:
            continue
        try:
            if isinstance(step.device, Nic):
                if hot:
                    await node.unplug_nic(instance, step.device)
                continue
            if hot:
                await node.unplug_disk(instance, step.device)
            if not step.device.reuses_data:
                await node.remove_disk(instance, step.device)
        except OpcodeError as error:
            context.log(f" - WARNING: {step.device.name} could not be removed: {error.args[0]}")

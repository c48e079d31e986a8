"""
OP_INSTANCE_SET_PARAMS: an instance's disks, NICs, parameters and state.

What a running guest can be given at once is, with hot-plugging; the rest counts at its next start.
"""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import evolve

from ganetid.cluster.model import (
    ADMIN_DOWN,
    ADMIN_OFFLINE,
    Change,
    Disk,
    Instance,
    Nic,
    PutInstance,
)
from ganetid.cluster.parameters import actual_beparams
from ganetid.hypervisor.values import State
from ganetid.jobs.locks import Lock
from ganetid.opcodes import systems
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import INSTANCE, Field, Input, Opcode, Outcome
from ganetid.opcodes.device_changes import REMOVE, changes_kind
from ganetid.opcodes.disk_conversion import (
    Conversion,
    conversion_from,
    copy_content,
    removed,
    take_back,
)
from ganetid.opcodes.errors import (
    WRONG_INPUT,
    WRONG_STATE,
    OpPrereqError,
)
from ganetid.opcodes.fields import (
    boolean,
    disk_parameters,
    disk_template,
    mapping,
    nic_parameters,
    one_of,
    optional,
    positive,
    text,
)
from ganetid.opcodes.instance_create import config_drive_files
from ganetid.opcodes.instances import NAMED, alone, forget_memory, found, require_state
from ganetid.opcodes.modify_plan import plan_of
from ganetid.opcodes.modify_steps import perform
from ganetid.opcodes.policy_check import require_allowed
from ganetid.opcodes.template_change import convert

CHANGING = (
    "nics", "disks", "beparams", "hvparams", "os_name", "osparams", "osparams_private", "offline",
    "runtime_mem", "disk_template", "pnode", "instance_communication",
)  # fmt: skip


async def modify(context: Context, given: Input) -> Outcome:
    """Change what is given; on failure what was made for it is gone again."""
    _require_changes(given)
    files = config_drive_files(context.private)
    instance = found(context, given)
    plan = plan_of(context, instance, {**given, **context.private})
    await _verify_system(context, plan.instance, given)
    if given["disks"] or given["nics"] or given["beparams"]:
        require_allowed(context, plan.instance, given["ignore_ipolicy"] or given["force"])
    hot = await _can_plug(context, instance, given)
    if not hot and any(step.action == REMOVE for step in plan.disks):
        purpose = "can't remove volume from a running instance without using hotplug"
        require_state(instance, (ADMIN_DOWN, ADMIN_OFFLINE), purpose)
    told: list[list[Any]] = []
    if given["runtime_mem"]:
        await _set_memory(context, plan.instance, given)
        told.append(["runtime_memory", given["runtime_mem"]])
    if given["disk_template"]:
        plan = await convert(context, plan, given)
    if given["dry_run"]:
        return Outcome()
    context.cluster.claim(plan.instance)
    left: tuple[Change, ...] = ()
    try:
        if plan.disks or given["disk_template"]:
            await forget_memory(context, instance)
            plan = evolve(plan, instance=evolve(plan.instance, memory_on=""))
        told += await perform(context, instance, plan, hot)
        if files is not None:
            plan = evolve(plan, instance=evolve(plan.instance, config_drive=True))
            await context.node_of(plan.instance).write_config_drive(plan.instance, files)
        changes = _changes(context, instance, plan.instance)
        if given["disk_template"] and instance.disks:
            await copy_content(context, Conversion(instance, plan.instance))
            await context.keep(changes)
            left = await removed(context, instance)
    except Exception:
        context.cluster.release(instance.name)
        raise
    return Outcome([*told, *plan.told], (*changes, *left))


async def _verify_system(context: Context, instance: Instance, given: Input) -> None:
    """Raises OpPrereqError for parameters that the instance's system does not take."""
    if given["osparams"] or given["osparams_private"]:
        parameters = systems.parameters_of(context, instance)
        await systems.verify(context, instance, parameters, given["force_variant"])


async def recover(context: Context, given: Input) -> Outcome:
    """After a crash: what was made and is not the instance's is removed, then all is done again."""
    instance = found(context, given)
    node = context.node_of(instance)
    way = conversion_from(context.made, instance)
    if way is not None:
        if instance.disk_template == way.new.disk_template and instance.disks == way.new.disks:
            return Outcome([["disk_template", instance.disk_template]],
                           await removed(context, way.old))  # fmt: skip
        await take_back(context, way.new)
    for each in context.made.get("disks", ()):
        disk = msgspec.convert(each, Disk)
        if disk.uuid not in {mine.uuid for mine in instance.disks}:
            await node.unplug_disk(instance, disk)
            if not disk.reuses_data:
                await node.remove_disk(instance, disk)
    for each in context.made.get("nics", ()):
        nic = msgspec.convert(each, Nic)
        if nic.uuid not in {mine.uuid for mine in instance.nics}:
            await node.unplug_nic(instance, nic)
    return await modify(context, given)


async def _can_plug(context: Context, instance: Instance, given: Input) -> bool:
    """Whether devices are plugged while the guest runs.  Raises OpPrereqError."""
    if not (given["hotplug"] or given["hotplug_if_possible"]):
        return False
    if await context.node_of(instance).guest_state(instance) in (State.RUNNING, State.PAUSED):
        return True
    if given["hotplug"]:
        raise OpPrereqError(
            f"Hotplug is not possible: Instance {instance.name} is not running", WRONG_STATE
        )
    context.log(" - INFO: Modification will take place without hotplugging.")
    return False


async def _set_memory(context: Context, instance: Instance, given: Input) -> None:
    wanted = int(given["runtime_mem"])
    node = context.node_of(instance)
    if not await node.is_running(instance):
        raise OpPrereqError(f"Instance {instance.name} is not running", WRONG_STATE)
    beparams = actual_beparams(instance.beparams, context.cluster.facts)
    low, high = beparams["minmem"], beparams["maxmem"]
    if not given["force"] and not low <= wanted <= high:
        raise OpPrereqError(
            f"Instance {instance.name} must have memory between {low} and {high} MB of memory"
            " unless --force is given",
            WRONG_INPUT,
        )
    if not given["dry_run"]:
        await node.set_memory(instance, wanted)


def _changes(context: Context, old: Instance, new: Instance) -> tuple[PutInstance, ...]:
    newer = evolve(new, mtime=context.now(), serial_no=old.serial_no + 1)
    return (PutInstance(newer),)


def _require_changes(given: Input) -> None:
    if all(given[name] in (None, [], {}) for name in CHANGING):
        raise OpPrereqError("No changes submitted", WRONG_INPUT)
    if given["disk_template"] and given["disks"]:
        raise OpPrereqError(
            "Disk template conversion and other disk changes not supported at the same time",
            WRONG_INPUT,
        )


def _locks(given: Input) -> tuple[Lock, ...]:
    changes = [each[-1] for each in given["nics"]]
    networks = {str(each["network"]) for each in changes if each.get("network")}
    shared = (Lock("network", name, shared=True) for name in sorted(networks))
    return (*alone(given), *shared)


OPCODES = (
    Opcode(
        op_id="OP_INSTANCE_SET_PARAMS",
        fields=(
            *NAMED,
            Field("force", boolean, False),
            Field("force_variant", boolean, False),
            Field("ignore_ipolicy", boolean, False),
            Field("nics", changes_kind(nic_parameters), []),
            Field("disks", changes_kind(disk_parameters), []),
            Field("beparams", mapping, {}),
            Field("runtime_mem", optional(positive)),
            Field("hvparams", mapping, {}),
            Field("disk_template", optional(disk_template)),
            Field("ext_params", mapping, {}),
            Field("file_driver", optional(one_of("blktap2", "loop", "blktap"))),
            Field("file_storage_dir", optional(text)),
            Field("pnode", optional(text)),
            Field("pnode_uuid", optional(text)),
            Field("remote_node", optional(text)),
            Field("remote_node_uuid", optional(text)),
            Field("iallocator", optional(text)),
            Field("os_name", optional(text)),
            Field("osparams", mapping, {}),
            Field("osparams_private", optional(mapping)),
            Field("wait_for_sync", boolean, True),
            Field("offline", optional(boolean)),
            Field("conflicts_check", boolean, True),
            Field("hotplug", boolean, False),
            Field("hotplug_if_possible", boolean, False),
            Field("keep_disks", optional(boolean)),
            Field("instance_communication", optional(boolean)),
        ),
        run=modify,
        recover=recover,
        locks=_locks,
        described_by="instance_name",
        subject=(INSTANCE, "instance_name"),
        renamed={"custom_beparams": "beparams", "custom_hvparams": "hvparams"},
    ),
)

"""
OP_INSTANCE_GROW_DISK, ..._ACTIVATE_DISKS, ..._DEACTIVATE_DISKS, ..._RECREATE_DISKS,
..._REPLACE_DISKS, ..._SNAPSHOT: an instance's disks, one or all.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ganetid.cluster.model import ADMIN_DOWN, ADMIN_OFFLINE, Disk, Instance
from ganetid.cluster.parameters import actual_hvparams
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome
from ganetid.opcodes.device_changes import replaced
from ganetid.opcodes.errors import (
    INTERNAL,
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpcodeError,
    OpExecError,
    OpPrereqError,
)
from ganetid.opcodes.fields import (
    boolean,
    disk_parameters,
    either,
    integer,
    list_of,
    list_of_text,
    mapping,
    not_negative,
    one_of,
    optional,
    text,
    tuple_of,
)
from ganetid.opcodes.instances import (
    changed,
    forget_memory,
    found,
    instance_opcode,
    require_off,
    require_state,
)
from ganetid.opcodes.policy_check import require_allowed
from ganetid.opcodes.sizes import shown_size

GROWABLE = frozenset({"rbd", "ext", "plain", "gluster", "file", "drbd", "sharedfile"})


async def grow(context: Context, given: Input) -> Outcome:
    """Make a disk larger; a running guest sees it at once."""
    instance = found(context, given)
    index, disk = _disk(instance, given["disk"])
    target = _target(instance, disk, given)
    grown = evolve(disk, size_mib=target)
    larger = evolve(instance, disks=replaced(instance.disks, index, grown))
    require_allowed(context, larger, given["ignore_ipolicy"])
    if given["dry_run"]:
        return Outcome()
    context.log(
        f"Growing disk {index} of instance '{instance.name}' by"
        f" {shown_size(target - disk.size_mib)} to {shown_size(target)}"
    )
    await context.node_of(instance).grow_disk(instance, disk, target)
    return Outcome(None, changed(instance, context.now(), disks=larger.disks))


def _target(instance: Instance, disk: Disk, given: Input) -> int:
    if instance.disk_template not in GROWABLE:
        raise OpPrereqError(
            f"Instance's disk layout {instance.disk_template} does not support growing",
            WRONG_INPUT,
        )
    amount = int(given["amount"])
    if not given["absolute"]:
        return disk.size_mib + amount
    if amount < disk.size_mib:
        raise OpPrereqError(
            f"Requested size ({shown_size(amount)}) is smaller than current disk size"
            f" ({shown_size(disk.size_mib)})",
            WRONG_STATE,
        )
    return amount


async def activate(context: Context, given: Input) -> Outcome:
    """Make the disks usable on the node; ``[node, disk, path]`` of each."""
    instance = found(context, given)
    if given["dry_run"]:
        return Outcome()
    node = context.node_of(instance)
    rows: list[list[Any]] = []
    for index, disk in enumerate(instance.disks):
        path = await node.activate_disk(instance, disk)
        rows.append([instance.primary_node, f"disk/{index}", path])
    return Outcome(rows)


async def deactivate(context: Context, given: Input) -> Outcome:
    """The node needs the disks no more; refused while the guest runs."""
    instance = found(context, given)
    node = context.node_of(instance)
    if not given["force"]:
        await _require_stopped(context, instance)
    elif await node.is_running(instance):
        raise OpExecError(f"The disks of {instance.name} are in use by its guest")
    if given["dry_run"]:
        return Outcome()
    for disk in instance.disks:
        await node.deactivate_disk(instance, disk)
    return Outcome()


async def _require_stopped(context: Context, instance: Instance) -> None:
    if await context.node_of(instance).is_running(instance):
        raise OpPrereqError(
            f"Instance {instance.name} is running, cannot shutdown disks", WRONG_STATE
        )


async def recreate(context: Context, given: Input) -> Outcome:
    """Make disks again, empty, that are lost; all when none is named."""
    instance = found(context, given)
    wanted = _recreated(instance, given["disks"])
    await require_off(context, instance, "cannot recreate disks")
    if given["nodes"] and given["nodes"] != [instance.primary_node]:
        raise OpPrereqError(
            f"Instance {instance.name} currently has 1 nodes, but {len(given['nodes'])}"
            " replacement nodes were specified",
            WRONG_INPUT,
        )
    if given["dry_run"]:
        return Outcome()
    node = context.node_of(instance)
    await forget_memory(context, instance)
    for index, disk in wanted.items():
        context.log(f"Creating disk {index} again")
        await node.create_disk(instance, disk)
    disks = tuple(wanted.get(index, disk) for index, disk in enumerate(instance.disks))
    return Outcome(None, changed(instance, context.now(), disks=disks, memory_on=""))


def _recreated(instance: Instance, given: list[Any]) -> dict[int, Disk]:
    """Index -> disk as it is to be."""
    if not instance.disks:
        raise OpPrereqError(f"Instance '{instance.name}' has no disks", WRONG_INPUT)
    pairs = [(each, {}) if isinstance(each, int) else (each[0], each[1]) for each in given]
    pairs = pairs or [(index, {}) for index in range(len(instance.disks))]
    indices = [index for index, _ in pairs]
    twice = sorted({index for index in indices if indices.count(index) > 1})
    if twice:
        raise OpPrereqError(
            f"Some disks have been specified more than once: {', '.join(map(str, twice))}",
            WRONG_INPUT,
        )
    if max(indices) >= len(instance.disks):
        raise OpPrereqError(f"Invalid disk index '{max(indices)}'", WRONG_INPUT)
    return {
        index: _with_parameters(_disk(instance, index)[1], index, change) for index, change in pairs
    }


def _with_parameters(disk: Disk, index: int, given: dict[str, Any]) -> Disk:
    fixed = sorted(set(given) - {"size", "mode", "spindles"})
    if fixed:
        raise OpPrereqError(
            f"Parameters for disk {index} try to change unmodifyable parameter(s):"
            f" {', '.join(fixed)}",
            WRONG_INPUT,
        )
    size = given.get("size", disk.size_mib)
    return evolve(disk, size_mib=int(size), mode=str(given.get("mode", disk.mode)))


async def replace(context: Context, given: Input) -> Outcome:
    """Of mirrored disks only, and no template here mirrors between two nodes."""
    instance = found(context, given)
    assert instance.name
    raise OpPrereqError(
        "The instance has a strange layout, expected one secondary but found 0", INTERNAL
    )


async def snapshot(context: Context, given: Input) -> Outcome:
    """Keep the present content of disks under names; ``[disk, snapshot]`` of each."""
    instance = found(context, given)
    pairs = []
    for place, parameters in given["disks"]:
        _, disk = _disk(instance, place)
        name = parameters.get("snapshot_name")
        if not isinstance(name, str) or not name:
            raise OpPrereqError("Missing parameter 'snapshot_name'", WRONG_INPUT)
        pairs.append((disk, name))
    require_state(instance, ("up", ADMIN_DOWN, ADMIN_OFFLINE), "cannot take a snapshot")
    if given["dry_run"]:
        return Outcome()
    is_frozen = await _freeze(context, instance)
    try:
        for disk, name in pairs:
            await context.node_of(instance).snapshot_disk(instance, disk, name)
    finally:
        if is_frozen:
            await _thaw(context, instance)
    return Outcome([[disk.name, name] for disk, name in pairs])


async def _freeze(context: Context, instance: Instance) -> bool:
    """
    Whether the guest was asked to hold its writes back, so that file systems are whole.

    One without an agent is taken as it is, as by a power cut.
    """
    node = context.node_of(instance)
    asks = actual_hvparams(instance, context.cluster.facts).get("use_guest_agent")
    if not asks or not await node.is_running(instance):
        return False
    try:
        await node.freeze(instance)
    except OpcodeError as error:
        context.log(f"File systems are not frozen: {error.args[0]}")
    return True


async def _thaw(context: Context, instance: Instance) -> None:
    """Writes go on; the agent may have frozen them though it did not say so in time."""
    try:
        await context.node_of(instance).thaw(instance)
    except OpcodeError as error:
        context.log(f" - WARNING: File systems were not thawed: {error.args[0]}")


def _disk(instance: Instance, place: int | str) -> tuple[int, Disk]:
    """(index, disk) by index, name or UUID.  Raises OpPrereqError."""
    for index, disk in enumerate(instance.disks):
        if place in {index, str(index), disk.name, disk.uuid}:
            return index, disk
    if isinstance(place, int):
        last = len(instance.disks) - 1
        raise OpPrereqError(
            f"Invalid disk index: {place} (instace has disks 0 to {last}", WRONG_INPUT
        )  # Ganeti's spelling
    raise OpPrereqError(f"Cannot find disk with identifier {place}", UNKNOWN_ENTITY)


OPCODES = (
    instance_opcode(
        "OP_INSTANCE_GROW_DISK",
        grow,
        Field("wait_for_sync", boolean, True),
        Field("disk", not_negative, REQUIRED),
        Field("amount", not_negative, REQUIRED),
        Field("absolute", boolean, False),
        Field("ignore_ipolicy", boolean, False),
    ),
    instance_opcode(
        "OP_INSTANCE_ACTIVATE_DISKS",
        activate,
        Field("ignore_size", boolean, False),
        Field("wait_for_sync", boolean, False),
    ),
    instance_opcode("OP_INSTANCE_DEACTIVATE_DISKS", deactivate, Field("force", boolean, False)),
    instance_opcode(
        "OP_INSTANCE_RECREATE_DISKS",
        recreate,
        Field(
            "disks",
            either(list_of(not_negative), list_of(tuple_of(not_negative, disk_parameters))),
            [],
        ),
        Field("nodes", list_of_text, []),
        Field("node_uuids", optional(list_of_text)),
        Field("iallocator", optional(text)),
    ),
    instance_opcode(
        "OP_INSTANCE_REPLACE_DISKS",
        replace,
        Field("early_release", boolean, False),
        Field("ignore_ipolicy", boolean, False),
        Field(
            "mode",
            one_of(
                "replace_auto",
                "replace_on_secondary",
                "replace_new_secondary",
                "replace_on_primary",
            ),
            REQUIRED,
        ),
        Field("disks", list_of(not_negative), []),
        Field("remote_node", optional(text)),
        Field("remote_node_uuid", optional(text)),
        Field("iallocator", optional(text)),
    ),
    instance_opcode(
        "OP_INSTANCE_SNAPSHOT",
        snapshot,
        Field("disks", list_of(tuple_of(either(integer, text), mapping)), REQUIRED),
    ),
)

"""
OP_BACKUP_PREPARE, OP_BACKUP_EXPORT, OP_BACKUP_REMOVE: an instance's disks as files on a node, or
sent to another cluster.

An export is a directory with a raw image of each disk and Ganeti's config.ini; it lies on the
instance's primary node.
"""

from __future__ import annotations

from ganetid.cluster.model import ADMIN_UP, Change, Instance
from ganetid.opcodes.backup_config import export_config
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome
from ganetid.opcodes.errors import (
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpcodeError,
    OpExecError,
    OpPrereqError,
)
from ganetid.opcodes.fields import (
    anything,
    boolean,
    either,
    integer,
    list_of,
    not_negative,
    number,
    one_of,
    optional,
    string,
    text,
)
from ganetid.opcodes.instance_power import SHUTDOWN_TIMEOUT_S
from ganetid.opcodes.instance_remove import remove as remove_instance
from ganetid.opcodes.instances import found, instance_opcode
from ganetid.opcodes.remote_exports import goal_of, prepared, sent

LOCAL = "local"
REMOTE = "remote"


async def prepare(context: Context, given: Input) -> Outcome:
    """A local export needs nothing, a remote one a key."""
    instance = found(context, given)
    if given["mode"] == LOCAL or given["dry_run"]:
        return Outcome()
    return Outcome(await prepared(context, instance))


async def export(context: Context, given: Input) -> Outcome:
    """
    ``[whether all ended well, [of each disk]]``.

    A guest that runs is shut down for the time of the copy, and then started again.
    """
    instance = found(context, given)
    _check(context, instance, given)
    goal = await goal_of(context, instance, given) if given["mode"] == REMOTE else None
    if given["dry_run"]:
        return Outcome()
    node = context.node_of(instance)
    runs = await node.is_running(instance)
    if runs and not given["shutdown"]:
        raise OpExecError(
            "Not all disks could be snapshotted, and you requested a live export; aborting"
        )
    if runs:
        context.log(f"Shutting down instance {instance.name}")
        await node.stop(instance, int(given["shutdown_timeout"]))
    try:
        if goal is not None:
            results = await sent(context, instance, goal)
        else:
            results = await _copied(context, instance)
    finally:
        if instance.admin_state == ADMIN_UP and not given["remove_instance"]:
            context.log(f"Starting instance {instance.name}")
            await node.start(context.actual(instance))
    changes: tuple[Change, ...] = ()
    if given["remove_instance"] and all(results):
        context.log(f"Removing instance {instance.name}")
        gone = {**given, "ignore_failures": given["ignore_remove_failures"]}
        changes = (await remove_instance(context, gone)).changes
    return Outcome([True, results], changes)


async def _copied(context: Context, instance: Instance) -> list[bool]:
    node = context.node_of(instance)
    await node.begin_export(instance)
    results: list[bool] = []
    for index, disk in enumerate(instance.disks):
        context.log(f"Exporting disk/{index}")
        try:
            await node.export_disk(instance, disk, index)
        except OpcodeError as error:
            context.log(f" - WARNING: Failed to export disk/{index}: {error.args[0]}")
            results.append(False)
        else:
            results.append(True)
    sections = export_config(context.actual(instance), results, context.now())
    await node.end_export(instance, sections)
    return results


async def remove(context: Context, given: Input) -> Outcome:
    """Remove the instance's export from every node."""
    name = str(given["instance_name"])
    members = context.cluster.members
    nodes = [node for node in context.nodes if not members[node.name].offline]
    if given["dry_run"]:
        were_there = [await node.read_export(name) is not None for node in nodes]
    else:
        were_there = [await node.remove_export(name) for node in nodes]
    if not any(were_there):
        raise OpPrereqError(f"Export not found. If trying to remove an export belonging to a"
                            f" deleted instance please use its Fully Qualified Domain Name:"
                            f" {name}", UNKNOWN_ENTITY)  # fmt: skip
    return Outcome()


def _check(context: Context, instance: Instance, given: Input) -> None:
    if given["remove_instance"] and not given["shutdown"] and instance.admin_state == ADMIN_UP:
        raise OpPrereqError("Can not remove instance without shutting it down before", WRONG_STATE)
    if given["mode"] == REMOTE:
        return
    target = given["target_node"]
    if not isinstance(target, str) or target not in context.cluster.members:
        raise OpPrereqError(f"Node '{target}' not known", UNKNOWN_ENTITY)
    if target != instance.primary_node:
        raise OpPrereqError(
            f"Exports lie on the instance's primary node, {instance.primary_node}", WRONG_INPUT
        )


# Copies are made again after a crash: an export that is not whole is thrown away.
OPCODES = (
    instance_opcode("OP_BACKUP_PREPARE", prepare, Field("mode", one_of(LOCAL, REMOTE), REQUIRED)),
    instance_opcode(
        "OP_BACKUP_EXPORT",
        export,
        Field("compress", string, "none"),
        Field("shutdown_timeout", not_negative, SHUTDOWN_TIMEOUT_S),
        Field("target_node", either(text, list_of(anything)), REQUIRED),
        Field("target_node_uuid", optional(text)),
        Field("shutdown", boolean, True),
        Field("remove_instance", boolean, False),
        Field("ignore_remove_failures", boolean, False),
        Field("mode", one_of(LOCAL, REMOTE), LOCAL),
        Field("x509_key_name", optional(list_of(anything))),
        Field("destination_x509_ca", optional(text)),
        Field("zero_free_space", boolean, False),
        Field("zeroing_timeout_fixed", optional(integer)),
        Field("zeroing_timeout_per_mib", optional(number)),
        Field("long_sleep", boolean, False),
        renamed={"destination": "target_node"},
    ),
    instance_opcode("OP_BACKUP_REMOVE", remove),
)

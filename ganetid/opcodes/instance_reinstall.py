"""
OP_INSTANCE_REINSTALL: an instance's disks as they were when it was created.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ganetid.cluster.model import Instance
from ganetid.cluster.typed import updated
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import INSTANCE, Field, Input, Opcode, Outcome
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.fields import anything, boolean, dict_of, mapping, optional, text
from ganetid.opcodes.instance_create import config_drive_files
from ganetid.opcodes.instances import NAMED, alone, changed, found, require_off


async def reinstall(context: Context, given: Input) -> Outcome:
    """
    Make disks that came from an image anew from it; their content is lost.

    Disks that somebody else made, and those that began empty, are left as they are.
    """
    instance = found(context, given)
    await require_off(context, instance, "cannot reinstall")
    if not instance.disks:
        raise OpPrereqError(f"Instance '{instance.name}' has no disks", WRONG_INPUT)
    files = config_drive_files(context.private)
    fields: dict[str, Any] = {}
    if given["os_type"]:
        fields["os_type"] = given["os_type"]
    if given["osparams"]:
        fields["osparams"] = updated(instance.osparams, given["osparams"])
    if files is not None:
        fields["config_drive"] = True
    if given["dry_run"]:
        return Outcome()
    await _make_again(context, evolve(instance, **fields))
    if files is not None:
        await context.node_of(instance).write_config_drive(instance, files)
    return Outcome(None, changed(instance, context.now(), **fields) if fields else ())


async def _make_again(context: Context, instance: Instance) -> None:
    context.log(f"Running the instance OS create scripts for {instance.os_type}...")
    node = context.node_of(instance)
    for disk in instance.disks:
        if disk.reuses_data or disk.origin is None:
            continue
        await node.remove_disk(instance, disk)
        await node.create_disk(instance, disk)


OPCODES = (
    Opcode(
        op_id="OP_INSTANCE_REINSTALL",
        fields=(
            *NAMED,
            Field("force_variant", boolean, False),
            Field("os_type", optional(text)),
            Field("osparams", optional(mapping)),
            Field("osparams_private", optional(dict_of(anything))),
            Field("osparams_secret", optional(dict_of(anything))),
        ),
        run=reinstall,
        recover=reinstall,
        locks=alone,
        described_by="instance_name",
        subject=(INSTANCE, "instance_name"),
    ),
)

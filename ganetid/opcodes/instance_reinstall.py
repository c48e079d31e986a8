"""
OP_INSTANCE_REINSTALL: an instance's operating system as it was when it was created.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ganetid.cluster.typed import updated
from ganetid.opcodes import systems
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Field, Input, Outcome
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.fields import anything, boolean, dict_of, mapping, optional, text
from ganetid.opcodes.instance_create import config_drive_files
from ganetid.opcodes.instances import changed, forget_memory, found, instance_opcode, require_off


async def reinstall(context: Context, given: Input) -> Outcome:
    """
    Have the operating system made anew; what was on its disks is lost.

    A disk that came from an image begins with that again; those that somebody else made, and those
    that began empty, are for the system's scripts to write to.
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
    private = systems.kept(context.private.get("osparams_private"))
    if private:
        fields["osparams_private"] = updated(instance.osparams_private, private)
    newer = evolve(instance, **fields)
    parameters = systems.parameters_of(context, newer, context.private)
    await systems.verify(context, newer, parameters, given["force_variant"])
    if files is not None or systems.makes_seed(newer, parameters):
        fields["config_drive"] = True
    if given["dry_run"]:
        return Outcome()
    newer = evolve(newer, **fields)
    await forget_memory(context, instance)
    await systems.install(context, newer, parameters, reinstall=True)
    if files is not None:
        await context.node_of(newer).write_config_drive(newer, files)
    return Outcome(None, changed(instance, context.now(), **fields, memory_on=""))


OPCODES = (
    instance_opcode(
        "OP_INSTANCE_REINSTALL",
        reinstall,
        Field("force_variant", boolean, False),
        Field("os_type", optional(text)),
        Field("osparams", optional(mapping)),
        Field("osparams_private", optional(dict_of(anything))),
        Field("osparams_secret", optional(dict_of(anything))),
    ),
)

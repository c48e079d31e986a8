"""
An instance's disks on another template: only where nothing has to be copied.

Copying content between templates needs an export and an import, which keep the content too.
"""

from __future__ import annotations

from attrs import evolve

from ganetid.cluster.cluster_defaults import enabled_templates
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input
from ganetid.opcodes.errors import WRONG_INPUT, WRONG_STATE, OpPrereqError
from ganetid.opcodes.instances import require_off
from ganetid.opcodes.modify_plan import Plan


async def convert(context: Context, plan: Plan, given: Input) -> Plan:
    """The plan with the instance on the wanted template.  Raises OpPrereqError."""
    instance, template = plan.instance, given["disk_template"]
    if template == instance.disk_template:
        raise OpPrereqError(f"Instance already has disk template {template}", WRONG_INPUT)
    possible = context.node_of(instance).abilities.templates
    enabled = enabled_templates(context.cluster.facts, possible)
    if template not in enabled:
        raise OpPrereqError(
            f"Disk template '{template}' is not enabled for this cluster (enabled templates:"
            f" {', '.join(enabled)})",
            WRONG_STATE,
        )
    await require_off(context, instance, "cannot change disk template")
    if instance.disks:
        raise OpPrereqError(
            f"Conversion from the '{instance.disk_template}' disk template is not supported",
            WRONG_INPUT,
        )
    return evolve(
        plan,
        instance=evolve(instance, disk_template=template),
        told=(*plan.told, ["disk_template", template]),
    )

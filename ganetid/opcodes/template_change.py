"""
An instance's disks on another template, or at another provider: decided here, before anything is
done; `disk_conversion` does it.
"""

from __future__ import annotations

import uuid
from typing import Any

from attrs import evolve

from ganetid.cluster.cluster_defaults import enabled_templates
from ganetid.cluster.model import Disk
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input
from ganetid.opcodes.errors import WRONG_INPUT, WRONG_STATE, OpPrereqError
from ganetid.opcodes.instance_parameters import disk_from
from ganetid.opcodes.instances import require_off
from ganetid.opcodes.modify_plan import Plan

NOT_TO = frozenset({"diskless", "blockdev"})  # Ganeti's DTS_NOT_CONVERTIBLE_TO


async def convert(context: Context, plan: Plan, given: Input) -> Plan:
    """The plan with the instance on the wanted template.  Raises OpPrereqError."""
    instance, template = plan.instance, given["disk_template"]
    if template == instance.disk_template and template != "ext":
        raise OpPrereqError(f"Instance already has disk template {template}", WRONG_INPUT)
    if instance.disks and template in NOT_TO:
        raise OpPrereqError(
            f"Conversion to the '{template}' disk template is not supported", WRONG_INPUT
        )
    possible = context.node_of(instance).abilities.templates
    enabled = enabled_templates(context.cluster.facts, possible)
    if template not in enabled:
        raise OpPrereqError(
            f"Disk template '{template}' is not enabled for this cluster (enabled templates:"
            f" {', '.join(enabled)})",
            WRONG_STATE,
        )
    provider = _provider_of(given)
    await require_off(context, instance, "cannot change disk template")
    disks = tuple(_moved(disk, instance.disk_template, given) for disk in instance.disks)
    if any(disk.provider == provider for disk in instance.disks if provider):
        raise OpPrereqError(f"Instance already has disk template ext:{provider}", WRONG_INPUT)
    return evolve(
        plan,
        instance=evolve(instance, disk_template=template, disks=disks),
        told=(*plan.told, ["disk_template", template]),
    )


def _provider_of(given: Input) -> str | None:
    """Of template ext alone.  Raises OpPrereqError."""
    if given["disk_template"] != "ext":
        if given["ext_params"]:
            raise OpPrereqError(
                "The 'ext' disk template is the only one that takes ext_params", WRONG_INPUT
            )
        return None
    provider = given["ext_params"].get("provider")
    if not provider:
        raise OpPrereqError(
            f"Missing provider for template '{given['disk_template']}'", WRONG_INPUT
        )
    return str(provider)


def _moved(disk: Disk, old_template: str, given: Input) -> Disk:
    """The disk as it will be; a name that somebody chose stays."""
    template = given["disk_template"]
    wanted: dict[str, Any] = {**given["ext_params"], "size": disk.size_mib, "mode": disk.mode}
    if not disk.name.endswith(f".{old_template}.disk"):
        wanted["name"] = disk.name
    return evolve(disk_from(wanted, template), uuid=str(uuid.uuid4()))

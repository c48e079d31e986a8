"""
Operating systems of instances, as opcodes have nodes put them on disks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.model import Instance
from ganetid.opcodes.context import Context
from ganetid.os.definition import name_of
from ganetid.os.image import NAMES
from ganetid.os.on_node import Surroundings

SECRET = ("osparams_private", "osparams_secret")


def parameters_of(
    context: Context, instance: Instance, private: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """
    The system's parameters: the cluster's, over them the instance's, and those that are secret.

    private: by the names of the opcode's fields.
    """
    facts = context.cluster.facts.params.get("osparams", {})
    parameters = {
        **facts.get(name_of(instance.os_type), {}),
        **facts.get(instance.os_type, {}),
        **instance.osparams,
    }
    for field in SECRET:
        parameters |= (private or {}).get(field) or {}
    return {str(name): str(value) for name, value in parameters.items()}


def makes_seed(instance: Instance, parameters: Mapping[str, str]) -> bool:
    """Whether the system writes what cloud-init asks for, so that the guest needs that drive."""
    return (
        name_of(instance.os_type) in NAMES
        and bool(instance.disks)
        and "config_drive" not in parameters
        and parameters.get("seed", "config-drive") != "none"
    )


async def verify(
    context: Context,
    instance: Instance,
    parameters: Mapping[str, str],
    force_variant: bool = False,
) -> None:
    """Raises OpPrereqError unless the instance can have its system with these parameters."""
    if instance.os_type:
        await context.node_of(instance).verify_os(instance.os_type, parameters, force_variant)


async def install(
    context: Context,
    instance: Instance,
    parameters: Mapping[str, str],
    reinstall: bool = False,
) -> None:
    """Put the system on the instance's disks; what its scripts say is in the job's log."""
    if not instance.os_type or not instance.disks:
        return
    context.log("* running the instance OS create scripts...")
    around = _surroundings(context, instance, parameters)
    for line in await context.node_of(instance).install_os(instance, around, reinstall):
        context.log(line)


async def rename(context: Context, instance: Instance, old_name: str) -> None:
    """Have the system write down the instance's new name."""
    if not instance.os_type or not instance.disks:
        return
    around = _surroundings(context, instance, parameters_of(context, instance))
    for line in await context.node_of(instance).rename_os(instance, around, old_name):
        context.log(line)


def _surroundings(
    context: Context, instance: Instance, parameters: Mapping[str, str]
) -> Surroundings:
    known = context.cluster.networks
    names = sorted({nic.network for nic in instance.nics if nic.network in known})
    member = context.cluster.members.get(instance.primary_node)
    return Surroundings(
        networks=tuple(known[name] for name in names if name is not None),
        node_uuid=member.uuid if member else "",
        parameters=dict(parameters),
    )

"""
Operating systems of instances, as opcodes have nodes put them on disks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.model import ClusterFacts, Instance
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import OF_SYSTEMS
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.os.definition import name_of
from ganetid.os.image import NAMES
from ganetid.os.on_node import Surroundings

WHOLE_DRIVE = "config_drive"  # no parameter of a system: it is written once, and not kept

Kept = Mapping[str, Any]


def parameters_of(
    context: Context, instance: Instance, private: Kept | None = None
) -> dict[str, str]:
    """
    The system's parameters: the cluster's, over them the instance's, and those that are secret.

    private: by the names of the opcode's fields; of ``osparams_private`` the instance has its own.
    Raises OpPrereqError when a parameter is of two kinds.
    """
    facts, os_type = context.cluster.facts, instance.os_type
    given = private or {}
    public = {**of_cluster(facts, os_type), **instance.osparams}
    hidden = {**of_cluster(facts, os_type, OF_SYSTEMS), **instance.osparams_private}
    secret = given.get("osparams_secret") or {}
    _require_distinct(public, hidden, secret)
    parameters = {**public, **hidden, **secret}
    if WHOLE_DRIVE in (given.get("osparams_private") or {}):
        parameters[WHOLE_DRIVE] = "given"
    return {str(name): str(value) for name, value in parameters.items()}


def kept(private: Kept | None) -> dict[str, str]:
    """Of private parameters that are given, those that the instance keeps."""
    return {str(name): value for name, value in (private or {}).items() if name != WHOLE_DRIVE}


def of_cluster(facts: ClusterFacts, os_type: str, name: str = "osparams") -> dict[str, Any]:
    """The cluster's parameters of a system: by its name, and over them by name and variant."""
    params = facts.params.get(name, {})
    return {**params.get(name_of(os_type), {}), **params.get(os_type, {})}


def _require_distinct(public: Kept, private: Kept, secret: Kept) -> None:
    kinds = {"public": public, "private": private, "secret": secret}
    names = Counter(name for each in kinds.values() for name in each)
    twice = {name for name, count in names.items() if count > 1}
    if not twice:
        return
    lines = [
        f"- at {kind} visibility: {', '.join(sorted(map(repr, twice & set(each)))) or '(none)'}"
        for kind, each in kinds.items()
    ]
    raise OpPrereqError(
        "Cannot assign multiple values to OS parameters. Conflicting OS parameters that would have"
        " been set by this operation: " + " ".join(lines),
        WRONG_INPUT,
    )


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
    whole = context.actual(instance)
    for line in await context.node_of(instance).install_os(whole, around, reinstall):
        context.log(line)


async def rename(context: Context, instance: Instance, old_name: str) -> None:
    """Have the system write down the instance's new name."""
    if not instance.os_type or not instance.disks:
        return
    around = _surroundings(context, instance, parameters_of(context, instance))
    whole = context.actual(instance)
    for line in await context.node_of(instance).rename_os(whole, around, old_name):
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

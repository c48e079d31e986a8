"""
What OP_INSTANCE_CREATE may be asked for, and what follows from it, before a place is looked for.

Source: Ganeti 3.0.2, CheckArguments and _RevertToDefaults of its LUInstanceCreate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.cluster_defaults import cluster_parameter
from ganetid.cluster.model import ClusterFacts, Instance
from ganetid.cluster.parameters import actual_hvparams, cluster_beparams
from ganetid.opcodes import host_names, systems
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import OF_SYSTEMS, Input
from ganetid.opcodes.errors import WRONG_INPUT, WRONG_STATE, OpPrereqError
from ganetid.os.definition import name_of

CREATE, IMPORT, REMOTE_IMPORT = "create", "import", "remote-import"


async def asked_for(context: Context, given: Input) -> dict[str, Any]:
    """The request, with what follows from it.  Raises OpPrereqError."""
    if given["forthcoming"] and given["commit"]:
        raise OpPrereqError(
            "Forthcoming generation and commiting are mutually exclusive", WRONG_INPUT
        )
    if given["opportunistic_locking"] and given["pnode"]:
        raise OpPrereqError(
            "Opportunistic locking is only available in combination with an instance allocator",
            WRONG_INPUT,
        )
    if given["mode"] == CREATE:
        _require_not_blacklisted(context.cluster.facts, given["os_type"])
    wanted = dict(given)
    if given["mode"] == CREATE and given["no_install"] and given["start"]:
        context.log(" - INFO: No-installation mode selected, disabling startup")
        wanted["start"] = False
    if given["mode"] == IMPORT and given["no_install"]:
        context.log(" - INFO: No-installation mode has no effect during import")
    return await _with_its_name(context, wanted)


def _require_not_blacklisted(facts: ClusterFacts, os_type: str | None) -> None:
    """A system is on the list by its name, or with a variant."""
    listed = cluster_parameter(facts, "blacklisted_os")
    if os_type and {os_type, name_of(os_type)} & set(listed):
        raise OpPrereqError(f"Guest OS '{os_type}' is not allowed for installation", WRONG_STATE)


async def _with_its_name(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """With the name that the resolver knows; NICs with the address ``auto`` have its address."""
    if given["ip_check"] and not given["name_check"]:
        raise OpPrereqError("Cannot do IP address check without a name check", WRONG_INPUT)
    if not given["name_check"]:
        if any(nic.get("ip") == "auto" for nic in given["nics"]):
            raise OpPrereqError(
                "IP address set to auto but name checks have been skipped", WRONG_INPUT
            )
        return given
    host = await host_names.resolved(str(given["instance_name"]))
    if host.name != given["instance_name"]:
        context.log(f" - INFO: Resolved given name '{given['instance_name']}' to '{host.name}'")
    if given["ip_check"]:
        await host_names.require_unused(host, host.name)
    nics = [
        {**nic, "ip": host.address} if nic.get("ip") == "auto" else nic for nic in given["nics"]
    ]
    return {**given, "instance_name": host.name, "nics": nics}


def without_defaults(instance: Instance, facts: ClusterFacts) -> Instance:
    """The instance without parameters of its own that are as the cluster has them anyway."""
    os_type = instance.os_type
    bare = evolve(instance, hvparams={})
    hidden = systems.of_cluster(facts, os_type, OF_SYSTEMS)
    return evolve(
        instance,
        hvparams=_less(instance.hvparams, actual_hvparams(bare, facts)),
        beparams=_less(instance.beparams, cluster_beparams(facts)),
        osparams=_less(instance.osparams, systems.of_cluster(facts, os_type)),
        osparams_private=_less(instance.osparams_private, hidden),
    )


def _less(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in given.items()
        if name not in defaults or defaults[name] != value
    }

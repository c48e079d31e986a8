"""
The cluster itself: versions, features, operating systems, parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.cluster_defaults import cluster_parameter
from ganetid.opcodes.errors import OpcodeError
from ganetid.os.definition import OsDefinition
from ganetid.rapi.answers import Encoded
from ganetid.rapi.api import OPEN, Api, Verb, if_dry, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.cluster_info import info
from ganetid.rapi.faults import Fault

FEATURES = ["instance-create-reqv1", "instance-reinstall-reqv1", "node-migrate-reqv1",
            "node-evac-res1"]  # fmt: skip
FORBIDDEN = "compression_tools"  # may name programs that run as root


async def _systems(api: Api, call: Call) -> Any:
    """Names with variants; with bulk, as newer Ganetis tell it, all that is known of each."""
    hidden = set(cluster_parameter(api.cluster.facts, "hidden_os"))
    blacklisted = set(cluster_parameter(api.cluster.facts, "blacklisted_os"))
    known = await _on_all_nodes(api)
    if not call.flag("bulk"):
        unwanted = hidden | blacklisted
        return [
            name
            for each in known
            if each.is_valid and each.name not in unwanted
            for name in each.types
            if name not in unwanted
        ]
    return [
        {
            "name": each.name,
            "valid": each.is_valid,
            "variants": list(each.variants),
            "parameters": [{"name": name, "description": text} for name, text in each.parameters],
            "api_versions": list(each.api_versions),
            "blacklisted": each.name in blacklisted,
            "hidden": each.name in hidden,
            "trusted": True,
        }
        for each in known
    ]


async def _on_all_nodes(api: Api) -> list[OsDefinition]:
    """Systems that every node has which can be asked; valid where all of theirs are."""
    found: list[dict[str, OsDefinition]] = []
    for node in api.nodes:
        member = api.cluster.members.get(node.name)
        if member is None or member.offline or not member.vm_capable:
            continue
        try:
            found.append({each.name: each for each in await node.diagnose_os()})
        except OpcodeError:  # it can't be reached: what the others have counts
            continue
    if not found:
        return []
    common = set(found[0]).intersection(*found[1:])
    return [
        next((one[name] for one in found if not one[name].is_valid), found[0][name])
        for name in sorted(common)
    ]


def _info(api: Api, call: Call) -> Encoded:
    name = f"/2/info of {api.nodes.own.abilities}"
    return Encoded(api.kept.encoded(name, (api.cluster.facts,), lambda: info(api)))


def _modified(call: Call) -> Any:
    given = call.body if isinstance(call.body, dict) else {}
    if FORBIDDEN in given or FORBIDDEN in call.query:
        raise Fault(403, f"The parameter {FORBIDDEN} cannot be set via RAPI")
    return call.body


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/": {"GET": reads(lambda api, call: None)},
    "/2": {"GET": reads(lambda api, call: None)},
    "/version": {"GET": reads(lambda api, call: 2)},
    "/2/info": {"GET": reads(_info)},
    "/2/features": {"GET": reads(lambda api, call: FEATURES)},
    "/2/os": {"GET": Verb(_systems, OPEN)},
    "/2/modify": {"PUT": submits("OP_CLUSTER_SET_PARAMS", lambda call: {}, _modified)},
    "/2/verify": {"PUT": submits("OP_CLUSTER_VERIFY", if_dry)},
    "/2/verify-disks": {"PUT": submits("OP_CLUSTER_VERIFY_DISKS", if_dry)},
    "/2/rename": {"PUT": submits("OP_CLUSTER_RENAME", if_dry)},
    "/2/destroy": {"PUT": submits("OP_CLUSTER_DESTROY", if_dry)},
    "/2/redistribute-config": {"PUT": submits("OP_CLUSTER_REDIST_CONF", lambda call: {})},
}

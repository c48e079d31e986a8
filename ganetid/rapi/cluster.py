"""
The cluster itself: versions, features, operating systems, parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.rapi.api import Api, Verb, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.cluster_info import info
from ganetid.rapi.faults import Fault

FEATURES = ["instance-create-reqv1", "instance-reinstall-reqv1", "node-migrate-reqv1",
            "node-evac-res1"]  # fmt: skip
OPERATING_SYSTEMS = ["snf-image+default"]
FORBIDDEN = "compression_tools"  # may name programs that run as root


def _systems(api: Api, call: Call) -> Any:
    """Names with variants; with bulk, as newer Ganetis tell it, all that is known of each."""
    if not call.flag("bulk"):
        return OPERATING_SYSTEMS
    named: dict[str, list[str]] = {}
    for name in OPERATING_SYSTEMS:
        base, _, variant = name.partition("+")
        named.setdefault(base, []).extend([variant] if variant else [])
    return [
        {
            "name": name,
            "valid": True,
            "variants": variants,
            "parameters": [],
            "api_versions": [20],
            "blacklisted": False,
            "hidden": False,
            "trusted": True,
        }
        for name, variants in named.items()
    ]


def _modified(call: Call) -> Any:
    given = call.body if isinstance(call.body, dict) else {}
    if FORBIDDEN in given or FORBIDDEN in call.query:
        raise Fault(403, f"The parameter {FORBIDDEN} cannot be set via RAPI")
    return call.body


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/": {"GET": reads(lambda api, call: None)},
    "/2": {"GET": reads(lambda api, call: None)},
    "/version": {"GET": reads(lambda api, call: 2)},
    "/2/info": {"GET": reads(info)},
    "/2/features": {"GET": reads(lambda api, call: FEATURES)},
    "/2/os": {"GET": reads(_systems)},
    "/2/modify": {"PUT": submits("OP_CLUSTER_SET_PARAMS", lambda call: {}, _modified)},
    "/2/redistribute-config": {"PUT": submits("OP_CLUSTER_REDIST_CONF", lambda call: {})},
}

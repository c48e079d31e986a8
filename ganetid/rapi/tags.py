"""
Tags of the cluster, of instances, networks, nodes and groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.opcodes.errors import OpPrereqError
from ganetid.opcodes.tags import tags_of
from ganetid.rapi.api import Api, Verb, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault


def _verbs(kind: str) -> Mapping[str, Verb]:
    """GET, PUT and DELETE of an object's tags; PUT also takes them as a list in the body."""

    def static(call: Call) -> dict[str, Any]:
        tags = call.words("tag")
        if not tags and isinstance(call.body, list):
            tags = call.body
        name = call.items[0] if call.items else None
        return {"kind": kind, "name": name, "tags": tags, "dry_run": call.dry_run}

    def show(api: Api, call: Call) -> Any:
        try:
            return list(tags_of(api.cluster, kind, call.items[0] if call.items else None))
        except OpPrereqError:
            raise Fault(500 if api.strict else 404) from None

    def depends(call: Call) -> Any:
        return call.body if isinstance(call.body, dict) else None

    return {
        "GET": reads(show),
        "PUT": submits("OP_TAGS_SET", static, depends),
        "DELETE": submits("OP_TAGS_DEL", static, depends),
    }


RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/tags": _verbs("cluster"),
    "/2/instances/{name}/tags": _verbs("instance"),
    "/2/networks/{name}/tags": _verbs("network"),
    "/2/nodes/{name}/tags": _verbs("node"),
    "/2/groups/{name}/tags": _verbs("nodegroup"),
}

"""
What can be done with a node: its role, its parameters, its storage, its instances moved away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.rapi.api import WRITERS, Verb, of_item, submits
from ganetid.rapi.arguments import Call, checked_type
from ganetid.rapi.faults import Fault

NAMED = of_item("node_name", dry=False)
ROLES: Mapping[str, dict[str, bool | None]] = {
    "regular": {"master_candidate": False, "offline": False, "drained": False},
    "master-candidate": {"master_candidate": True, "offline": None, "drained": None},
    "drained": {"drained": True, "master_candidate": None, "offline": None},
    "offline": {"offline": True, "master_candidate": None, "drained": None},
}


def _new_role(call: Call) -> Mapping[str, Any]:
    role = checked_type(call.body, str, "Body contents")
    if role not in ROLES:
        raise Fault(400, f"Can't set '{role}' role")
    promotes = {"force": call.flag("force"), "auto_promote": call.flag("auto-promote")}
    return {**NAMED(call), **ROLES[role], **promotes}


def _migration(call: Call) -> Any:
    """The body; older clients say how in the query."""
    words = {name for name in ("live", "mode") if name in call.query}
    if not words:
        return call.body
    if len(words) == 2:
        raise Fault(400, "Only one of 'live' and 'mode' should be passed")
    if "live" in words:
        return {"mode": "live" if call.number("live", 1) else "non-live"}
    return {"mode": call.word("mode")}


def _storage(call: Call) -> Mapping[str, Any]:
    fields = call.word("output_fields")
    if not fields:
        raise Fault(400, "Missing the required 'output_fields' parameter")
    return {
        "nodes": [call.items[0]],
        "storage_type": call.word("storage_type"),
        "output_fields": fields.split(","),
    }


def _unit(call: Call) -> dict[str, Any]:
    name = call.word("name")
    if not name:
        raise Fault(400, "Missing the required 'name' parameter")
    return {**NAMED(call), "storage_type": call.word("storage_type"), "name": name}


def _changed_unit(call: Call) -> Mapping[str, Any]:
    changes = {}
    if "allocatable" in call.query:
        changes["allocatable"] = bool(call.number("allocatable", 1))
    return {**_unit(call), "changes": changes}


NODE = "/2/nodes/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    f"{NODE}/role": {"PUT": submits("OP_NODE_SET_PARAMS", _new_role, takes_body=False)},
    f"{NODE}/modify": {"POST": submits("OP_NODE_SET_PARAMS", NAMED)},
    f"{NODE}/powercycle": {
        "POST": submits("OP_NODE_POWERCYCLE", of_item("node_name", "force", dry=False))
    },
    f"{NODE}/evacuate": {"POST": submits("OP_NODE_EVACUATE", of_item("node_name"))},
    f"{NODE}/migrate": {"POST": submits("OP_NODE_MIGRATE", NAMED, _migration)},
    f"{NODE}/storage": {
        "GET": submits("OP_NODE_QUERY_STORAGE", _storage, takes_body=False, access=WRITERS)
    },
    f"{NODE}/storage/modify": {
        "PUT": submits("OP_NODE_MODIFY_STORAGE", _changed_unit, takes_body=False)
    },
    f"{NODE}/storage/repair": {"PUT": submits("OP_REPAIR_NODE_STORAGE", _unit, takes_body=False)},
}

"""
What can be done with instances: each makes a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.opcodes.definition import filled_input
from ganetid.rapi.api import (
    OPEN,
    WRITERS,
    Api,
    Verb,
    if_asked_dry,
    if_dry,
    of_item,
    opcode_of,
    order,
    reason,
    submits,
)
from ganetid.rapi.arguments import Call, checked_type
from ganetid.rapi.faults import Fault

VERSION = "__version__"
NAMED = of_item("instance_name", dry=False)
NAMED_DRY = of_item("instance_name")
_IGNORING = of_item("instance_name", "ignore_secondaries")


def _created(call: Call) -> Any:
    """Ganeti wants the version of the request's form, and keeps it from the opcode."""
    body = dict(call.mapping)
    version = body.pop(VERSION, 0)
    if version == 0:
        raise Fault(400, "Instance creation request version 0 is no longer supported")
    if version != 1:
        raise Fault(400, f"Unsupported request data version {version}")
    return _with_usb(body)


def _modified(call: Call) -> Any:
    return _with_usb(dict(call.mapping))


def _with_usb(body: dict[str, Any]) -> dict[str, Any]:
    """usb_devices may have spaces between its devices."""
    hvparams = body.get("hvparams")
    if isinstance(hvparams, dict) and isinstance(hvparams.get("usb_devices"), str):
        devices = hvparams["usb_devices"].replace(" ", ",")
        body["hvparams"] = {**hvparams, "usb_devices": devices}
    return body


async def _allocate_many(api: Api, call: Call) -> int:
    """One job that makes a job for each instance."""
    body = call.mapping
    if "instances" not in body:
        raise Fault(400, "Request is missing required 'instances' field in body")
    create = opcode_of(api, "OP_INSTANCE_CREATE")
    wanted = []
    for each in checked_type(body["instances"], list, "'instances' parameter"):
        given = Call(call.items, call.query, each).parameters({}, create.renamed, each)
        filled_input(create, given)
        wanted.append(given)
    op_id = "OP_INSTANCE_MULTI_ALLOC"
    fixed = {**if_dry(call), "reason": reason(call, op_id)}
    given = call.parameters(fixed, body={**body, "instances": wanted})
    return await order(api, call, ((op_id, given),))


async def _reinstall(api: Api, call: Call) -> int:
    """One job of two or three opcodes: off, made anew, on again."""
    body = _reinstall_body(call)
    name = {
        "instance_name": call.items[0],
        "reason": reason(call, "OP_INSTANCE_REINSTALL"),
        **if_asked_dry(call),
    }
    again = {**name, "os_type": body.get("os"), "osparams": body.get("osparams")}
    for private in ("osparams_private", "osparams_secret"):
        if private in body:
            again[private] = body[private]
    ops: list[tuple[str, Mapping[str, Any]]] = [
        ("OP_INSTANCE_SHUTDOWN", name),
        ("OP_INSTANCE_REINSTALL", again),
    ]
    if checked_type(body.get("start", True), bool, "'start' parameter"):
        ops.append(("OP_INSTANCE_STARTUP", {**name, "force": False}))
    return await order(api, call, tuple(ops))


def _reinstall_body(call: Call) -> dict[str, Any]:
    words = set(call.query) - {"reason", "dry-run"}
    if call.body:
        if words:
            raise Fault(400, "Can't combine query and body parameters")
        if not isinstance(call.body, dict):
            raise Fault(400, "Invalid body contents, not a dictionary")
        return call.body
    if words:
        return {"os": call.word("os"), "start": not call.flag("nostartup")}
    return {}


def _removed(call: Call) -> Mapping[str, Any]:
    return {**NAMED_DRY(call), "ignore_failures": False}


def _rebooted(call: Call) -> Mapping[str, Any]:
    return {**_IGNORING(call), "reboot_type": call.word("type", "hard")}


def _queried(call: Call) -> Mapping[str, Any]:
    return {"instances": [call.items[0]], "static": call.flag("static")}


def _grown(call: Call) -> Mapping[str, Any]:
    return {**NAMED(call), "disk": int(call.items[1])}


def _prepared(call: Call) -> Mapping[str, Any]:
    return {**NAMED(call), "mode": call.word("mode")}


def _replacement(call: Call) -> Any:
    """The body; older clients say it in the query.  Disks may be a text of numbers."""
    words = ("remote_node", "mode", "disks", "iallocator")
    if call.body:
        body = dict(call.mapping)
    else:
        body = {name: call.word(name) for name in words} if set(call.query) & set(words) else {}
    disks = body.pop("disks", None)
    if isinstance(disks, str) and disks:
        try:
            body["disks"] = [int(part) for part in disks.split(",")]
        except ValueError as error:
            raise Fault(400, f"Invalid disk index passed: {error}") from None
    elif disks:
        body["disks"] = disks
    return body


NAME = "/2/instances/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/instances": {"POST": submits("OP_INSTANCE_CREATE", if_dry, _created)},
    "/2/instances-multi-alloc": {"POST": Verb(_allocate_many, WRITERS, "OP_INSTANCE_MULTI_ALLOC")},
    NAME: {"DELETE": submits("OP_INSTANCE_REMOVE", _removed)},
    f"{NAME}/info": {
        "GET": submits("OP_INSTANCE_QUERY_DATA", _queried, takes_body=False, access=OPEN)
    },
    f"{NAME}/startup": {
        "PUT": submits(
            "OP_INSTANCE_STARTUP",
            of_item("instance_name", "force", "no_remember"),
            takes_body=False,
        )
    },
    f"{NAME}/shutdown": {
        "PUT": submits("OP_INSTANCE_SHUTDOWN", of_item("instance_name", "no_remember"))
    },
    f"{NAME}/reboot": {"POST": submits("OP_INSTANCE_REBOOT", _rebooted)},
    f"{NAME}/reinstall": {"POST": Verb(_reinstall, WRITERS, "OP_INSTANCE_REINSTALL")},
    f"{NAME}/modify": {"PUT": submits("OP_INSTANCE_SET_PARAMS", NAMED, _modified)},
    f"{NAME}/rename": {"PUT": submits("OP_INSTANCE_RENAME", NAMED)},
    f"{NAME}/migrate": {"PUT": submits("OP_INSTANCE_MIGRATE", NAMED)},
    f"{NAME}/failover": {"PUT": submits("OP_INSTANCE_FAILOVER", NAMED)},
    f"{NAME}/replace-disks": {"POST": submits("OP_INSTANCE_REPLACE_DISKS", NAMED, _replacement)},
    f"{NAME}/activate-disks": {
        "PUT": submits(
            "OP_INSTANCE_ACTIVATE_DISKS",
            of_item("instance_name", "ignore_size", dry=False),
            takes_body=False,
        )
    },
    f"{NAME}/deactivate-disks": {
        "PUT": submits(
            "OP_INSTANCE_DEACTIVATE_DISKS",
            of_item("instance_name", "force", dry=False),
            takes_body=False,
        )
    },
    f"{NAME}/recreate-disks": {"POST": submits("OP_INSTANCE_RECREATE_DISKS", NAMED)},
    f"{NAME}/disk/{{id}}/grow": {"POST": submits("OP_INSTANCE_GROW_DISK", _grown)},
    f"{NAME}/change-group": {"PUT": submits("OP_INSTANCE_CHANGE_GROUP", NAMED_DRY)},
    f"{NAME}/snapshot": {"POST": submits("OP_INSTANCE_SNAPSHOT", NAMED)},
    f"{NAME}/pause": {"PUT": submits("OP_INSTANCE_PAUSE", NAMED_DRY, takes_body=False)},
    f"{NAME}/unpause": {"PUT": submits("OP_INSTANCE_UNPAUSE", NAMED_DRY, takes_body=False)},
    f"{NAME}/suspend": {"PUT": submits("OP_INSTANCE_SUSPEND", NAMED_DRY, takes_body=False)},
    f"{NAME}/resume": {"PUT": submits("OP_INSTANCE_RESUME", NAMED_DRY, takes_body=False)},
    f"{NAME}/nmi": {"POST": submits("OP_INSTANCE_NMI", NAMED_DRY, takes_body=False)},
    f"{NAME}/password": {"PUT": submits("OP_INSTANCE_PASSWORD", NAMED_DRY)},
    f"{NAME}/prepare-export": {"PUT": submits("OP_BACKUP_PREPARE", _prepared, takes_body=False)},
    f"{NAME}/export": {
        "PUT": submits("OP_BACKUP_EXPORT", NAMED),
        "DELETE": submits("OP_BACKUP_REMOVE", NAMED, takes_body=False),
    },
}

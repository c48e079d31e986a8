"""
What jobs do to a cluster that is played: opcodes over dicts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field


class JobFailed(Exception):
    """
    An opcode that a cluster can't carry out; `code` is Ganeti's, such as unknown_entity.
    """

    def __init__(self, message: str, code: str = "wrong_state") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@define
class Held:
    """
    What the cluster has, by name.  Instances: {status, node, nics, disks, beparams, hvparams,
    osparams, tags}, with the status running, stopped, paused or suspended.
    """

    instances: dict[str, dict[str, Any]] = field(factory=dict)
    networks: dict[str, dict[str, Any]] = field(factory=dict)
    security_groups: dict[str, dict[str, Any]] = field(factory=dict)
    routers: dict[str, dict[str, Any]] = field(factory=dict)


Body = dict[str, Any]
Act = Callable[[Held, str, Body], None]


def _one(kind: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in kind:
        raise JobFailed(f"'{name}' not known", "unknown_entity")
    return kind[name]


def _create(held: Held, _name: str, body: Body) -> None:
    name = body["instance_name"]
    if name in held.instances:
        raise JobFailed(f"Instance '{name}' is already in the cluster", "already_exists")
    for nic in body["nics"]:
        if nic.get("network") and nic["network"] not in held.networks:
            raise JobFailed(f"Network '{nic['network']}' not found", "unknown_entity")
    held.instances[name] = {
        "status": "running" if body.get("start", True) else "stopped",
        "node": "node1",
        "nics": [dict(nic) for nic in body["nics"]],
        "disks": [dict(disk) for disk in body["disks"]],
        "beparams": dict(body.get("beparams", {})),
        "hvparams": dict(body.get("hvparams", {})),
        "osparams": dict(body.get("osparams", {})),
        "tags": list(body.get("tags", [])),
    }


def _remove(held: Held, name: str, _body: Body) -> None:
    _one(held.instances, name)
    del held.instances[name]


def _turn(*allowed: str, to: str) -> Act:
    def turn(held: Held, name: str, _body: Body) -> None:
        instance = _one(held.instances, name)
        if instance["status"] not in allowed:
            raise JobFailed(f"Instance {name} is {instance['status']}")
        instance["status"] = to

    return turn


def _modify(held: Held, name: str, body: Body) -> None:
    instance = _one(held.instances, name)
    for kind in ("beparams", "hvparams", "osparams"):
        instance[kind].update(body.get(kind, {}))
    for kind in ("disks", "nics"):
        for change in body.get(kind, []):
            _change(instance[kind], *change)


def _change(things: list[dict[str, Any]], verb: str, place: int | str, values: Body) -> None:
    if verb == "add":
        assert isinstance(place, int)
        things.insert(len(things) if place == -1 else place, dict(values))
        return
    found = [index for index, thing in enumerate(things) if place in (index, thing.get("name"))]
    if not found:
        raise JobFailed(f"no device {place}", "unknown_entity")
    if verb == "remove":
        del things[found[0]]
    else:
        things[found[0]].update(values)


def _grow(held: Held, name: str, body: Body) -> None:
    disk = _one(held.instances, name)["disks"][int(body["_item"])]
    size = int(body["amount"]) + (0 if body.get("absolute") else disk["size"])
    if size < disk["size"]:
        raise JobFailed("disks don't shrink", "wrong_input")
    disk["size"] = size


def _nic_port(held: Held, name: str, body: Body) -> None:
    nics = _one(held.instances, name)["nics"]
    found = [nic for nic in nics if nic["name"] == body["_item"]]
    if not found:
        raise JobFailed(f"no NIC {body['_item']}", "unknown_entity")
    found[0]["port"] = body["port"]


def _exists(held: Held, name: str, _body: Body) -> None:
    _one(held.instances, name)


def _migrate(held: Held, name: str, body: Body) -> None:
    _one(held.instances, name)["node"] = body.get("target_node") or "node2"


def _add_to(kind: str, key: str) -> Act:
    def add(held: Held, _name: str, body: Body) -> None:
        things = getattr(held, kind)
        if body[key] in things:
            raise JobFailed(f"'{body[key]}' already exists", "already_exists")
        things[body[key]] = {**body, "groups": {}, "options": {}}

    return add


def _set_of(kind: str) -> Act:
    def change(held: Held, name: str, body: Body) -> None:
        _one(getattr(held, kind), name).update(body)

    return change


def _remove_of(kind: str) -> Act:
    def remove(held: Held, name: str, _body: Body) -> None:
        _one(getattr(held, kind), name)
        del getattr(held, kind)[name]

    return remove


def _connect(held: Held, name: str, body: Body) -> None:
    _one(held.networks, name)["groups"].setdefault(body["group_name"], body["network_link"])


def _disconnect(held: Held, name: str, body: Body) -> None:
    _one(held.networks, name)["groups"].pop(body["group_name"], None)


def _options(held: Held, name: str, body: Body) -> None:
    _one(held.networks, name)["options"] = body


ACTS: dict[str, Act] = {
    "OP_INSTANCE_CREATE": _create,
    "OP_INSTANCE_REMOVE": _remove,
    "OP_INSTANCE_STARTUP": _turn("stopped", "running", to="running"),
    "OP_INSTANCE_SHUTDOWN": _turn("running", "stopped", "paused", to="stopped"),
    "OP_INSTANCE_REBOOT": _turn("running", "stopped", to="running"),
    "OP_INSTANCE_PAUSE": _turn("running", to="paused"),
    "OP_INSTANCE_UNPAUSE": _turn("paused", to="running"),
    "OP_INSTANCE_SUSPEND": _turn("running", to="suspended"),
    "OP_INSTANCE_RESUME": _turn("suspended", to="running"),
    "OP_INSTANCE_SET_PARAMS": _modify,
    "OP_INSTANCE_GROW_DISK": _grow,
    "OP_INSTANCE_SET_NIC_PORT": _nic_port,
    "OP_INSTANCE_REINSTALL": _exists,
    "OP_INSTANCE_SNAPSHOT": _exists,
    "OP_INSTANCE_MIGRATE": _migrate,
    "OP_INSTANCE_FAILOVER": _migrate,
    "OP_NETWORK_ADD": _add_to("networks", "network_name"),
    "OP_NETWORK_REMOVE": _remove_of("networks"),
    "OP_NETWORK_SET_PARAMS": _set_of("networks"),
    "OP_NETWORK_SET_OPTIONS": _options,
    "OP_NETWORK_CONNECT": _connect,
    "OP_NETWORK_DISCONNECT": _disconnect,
    "OP_SECURITY_GROUP_ADD": _add_to("security_groups", "name"),
    "OP_SECURITY_GROUP_SET_PARAMS": _set_of("security_groups"),
    "OP_SECURITY_GROUP_REMOVE": _remove_of("security_groups"),
    "OP_ROUTER_ADD": _add_to("routers", "name"),
    "OP_ROUTER_SET_PARAMS": _set_of("routers"),
    "OP_ROUTER_REMOVE": _remove_of("routers"),
}

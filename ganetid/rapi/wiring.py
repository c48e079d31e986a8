"""
What Ganeti has not of networks: security groups, routers, options of networks, ports of NICs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ganetid.cluster.model import Instance, Nic
from ganetid.cluster.wiring import (
    HostRoute,
    NetworkOptions,
    NicPort,
    Router,
    RouterInterface,
    SecurityGroup,
)
from ganetid.network.ports import FloatingAddress, PortForward, SecurityRule
from ganetid.opcodes.errors import OpPrereqError
from ganetid.opcodes.network_port import nic_named
from ganetid.opcodes.typed_body import changed_value, new_value
from ganetid.rapi.api import Api, Verb, reads, submits
from ganetid.rapi.arguments import Call
from ganetid.rapi.collections import listed
from ganetid.rapi.faults import Fault

LISTS: Mapping[str, type[Any]] = {
    "rules": SecurityRule,
    "interfaces": RouterInterface,
    "floating_ips": FloatingAddress,
    "port_forwardings": PortForward,
    "routes": HostRoute,
}


def shown(thing: SecurityGroup | Router) -> dict[str, Any]:
    """A security group or router as it is kept."""
    found: dict[str, Any] = msgspec.to_builtins(thing)
    return found


def shown_nic(nic: Nic) -> dict[str, Any]:
    """A NIC with its port."""
    found: dict[str, Any] = msgspec.to_builtins(nic)
    return found


def _groups(api: Api, call: Call) -> Any:
    return listed(api.cluster.security_groups, call, "/2/security-groups", "name", shown)


def _group(api: Api, call: Call) -> Any:
    return shown(_found(api.cluster.security_groups, call))


def _routers(api: Api, call: Call) -> Any:
    return listed(api.cluster.routers, call, "/2/routers", "name", shown)


def _router(api: Api, call: Call) -> Any:
    return shown(_found(api.cluster.routers, call))


def _options(api: Api, call: Call) -> Any:
    return msgspec.to_builtins(_found(api.cluster.networks, call).options)


def _nics(api: Api, call: Call) -> Any:
    instance: Instance = _found(api.cluster.instances, call)
    return [shown_nic(nic) for nic in instance.nics]


def _port(api: Api, call: Call) -> Any:
    instance: Instance = _found(api.cluster.instances, call)
    try:
        nic = nic_named(instance, call.items[1])
    except OpPrereqError:
        raise Fault(404) from None
    return msgspec.to_builtins(nic.port)


def _found(things: Mapping[str, Any], call: Call) -> Any:
    thing = things.get(call.items[0])
    if thing is None:
        raise Fault(404)
    return thing


def _checked_lists(call: Call) -> Any:
    """The body, looked through at once: what is no such value is no job."""
    body = call.mapping
    for name, kind in LISTS.items():
        values = body.get(name)
        for index, each in enumerate(values if isinstance(values, list) else ()):
            _or_fault(new_value, kind, each, f"{name}[{index}]")
    if body.get("external"):
        _or_fault(new_value, RouterInterface, body["external"], "external")
    return body


def _port_body(call: Call) -> Any:
    return _with_value(call, "port", NicPort())


def _options_body(call: Call) -> Any:
    return _with_value(call, "options", NetworkOptions())


def _with_value(call: Call, name: str, bare: Any) -> Any:
    """The body, whose one field is such a value."""
    body = call.mapping
    if name in body:
        _or_fault(changed_value, bare, body[name], name)
    return body


def _or_fault(check: Any, *arguments: Any) -> None:
    try:
        check(*arguments)
    except OpPrereqError as error:
        raise Fault(400, f"Invalid body parameters: {error.args[0]}") from None


def _new(call: Call) -> Mapping[str, Any]:
    return {"dry_run": call.dry_run}


def _of_network(call: Call) -> Mapping[str, Any]:
    return {"network_name": call.items[0], "dry_run": call.dry_run}


def _of_group(call: Call) -> Mapping[str, Any]:
    return {"group_name": call.items[0], "dry_run": call.dry_run}


def _of_router(call: Call) -> Mapping[str, Any]:
    return {"router_name": call.items[0], "dry_run": call.dry_run}


def _of_nic(call: Call) -> Mapping[str, Any]:
    return {"instance_name": call.items[0], "nic": call.items[1], "dry_run": call.dry_run}


GROUP, ROUTER = "/2/security-groups/{name}", "/2/routers/{name}"
NICS = "/2/instances/{name}/nics"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/security-groups": {
        "GET": reads(_groups),
        "POST": submits("OP_SECURITY_GROUP_ADD", _new, _checked_lists),
    },
    GROUP: {
        "GET": reads(_group),
        "DELETE": submits("OP_SECURITY_GROUP_REMOVE", _of_group, takes_body=False),
    },
    f"{GROUP}/modify": {"PUT": submits("OP_SECURITY_GROUP_SET_PARAMS", _of_group, _checked_lists)},
    "/2/routers": {
        "GET": reads(_routers),
        "POST": submits("OP_ROUTER_ADD", _new, _checked_lists),
    },
    ROUTER: {
        "GET": reads(_router),
        "DELETE": submits("OP_ROUTER_REMOVE", _of_router, takes_body=False),
    },
    f"{ROUTER}/modify": {"PUT": submits("OP_ROUTER_SET_PARAMS", _of_router, _checked_lists)},
    f"{ROUTER}/migrate": {"PUT": submits("OP_ROUTER_MIGRATE", _of_router)},
    "/2/networks/{name}/options": {
        "GET": reads(_options),
        "PUT": submits("OP_NETWORK_SET_OPTIONS", _of_network, _options_body),
    },
    NICS: {"GET": reads(_nics)},
    f"{NICS}/{{nic}}/port": {
        "GET": reads(_port),
        "PUT": submits("OP_INSTANCE_SET_NIC_PORT", _of_nic, _port_body),
    },
}

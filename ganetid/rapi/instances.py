"""
/2/instances and what is below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ADMIN_UP, SOURCE_USER, Instance
from ganetid.cluster.parameters import actual
from ganetid.rapi.api import READERS, Api, Verb, reads
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault


def status_of(instance: Instance, is_running: bool) -> str:
    """Ganeti's derived status."""
    if is_running:
        return "running" if instance.admin_state == ADMIN_UP else "ERROR_up"
    if instance.admin_state == ADMIN_UP:
        return "ERROR_down"
    return "USER_down" if instance.admin_state_source == SOURCE_USER else "ADMIN_down"


def shown(instance: Instance, cluster: Configuration, is_running: bool) -> dict[str, Any]:
    """The instance with Ganeti's I_FIELDS."""
    full = actual(instance, cluster.facts)
    beparams = full.beparams
    return {
        "name": instance.name,
        "admin_state": instance.admin_state,
        "os": instance.os_type,
        "pnode": instance.primary_node,
        "snodes": [],
        "disk_template": instance.disk_template,
        **_nics(instance, cluster),
        **_disks(instance),
        "network_port": None,
        "beparams": {**beparams, "memory": beparams["maxmem"]},
        "hvparams": full.hvparams,
        "oper_state": is_running,
        "oper_ram": beparams["maxmem"] if is_running else None,
        "oper_vcpus": beparams["vcpus"] if is_running else None,
        "status": status_of(instance, is_running),
        "custom_hvparams": instance.hvparams,
        "custom_beparams": instance.beparams,
        "custom_nicparams": [{"mode": nic.mode, "link": nic.link} for nic in instance.nics],
        "ctime": instance.ctime,
        "mtime": instance.mtime,
        "uuid": instance.uuid,
        "serial_no": instance.serial_no,
        "tags": list(instance.tags),
    }


def _nics(instance: Instance, cluster: Configuration) -> dict[str, Any]:
    nics = instance.nics
    networks = [cluster.networks.get(nic.network or "") for nic in nics]
    return {
        "nic.ips": [nic.ip for nic in nics],
        "nic.macs": [nic.mac for nic in nics],
        "nic.modes": [nic.mode for nic in nics],
        "nic.uuids": [nic.uuid for nic in nics],
        "nic.names": [nic.name for nic in nics],
        "nic.links": [nic.link for nic in nics],
        "nic.networks": [network.uuid if network else None for network in networks],
        "nic.networks.names": [nic.network for nic in nics],
        "nic.bridges": [nic.link if nic.mode == "bridged" else None for nic in nics],
    }


def _disks(instance: Instance) -> dict[str, Any]:
    disks = instance.disks
    return {
        "disk.sizes": [disk.size_mib for disk in disks],
        "disk.spindles": [None for _ in disks],
        "disk_usage": sum(disk.size_mib for disk in disks),
        "disk.uuids": [disk.uuid for disk in disks],
        "disk.names": [disk.name for disk in disks],
    }


def _found(api: Api, call: Call) -> Instance:
    instance = api.cluster.instances.get(call.items[0])
    if instance is None:
        raise Fault(404)
    return instance


def _list(api: Api, call: Call) -> Any:
    names = sorted(api.cluster.instances)
    if not call.flag("bulk"):
        return [{"id": name, "uri": f"/2/instances/{name}"} for name in names]
    instances = [api.cluster.instances[name] for name in names]
    return [shown(each, api.cluster, api.nodes.seems_running(each)) for each in instances]


def _show(api: Api, call: Call) -> Any:
    call.flag("lock")
    instance = _found(api, call)
    return shown(instance, api.cluster, api.nodes.seems_running(instance))


async def _console(api: Api, call: Call) -> Any:
    """Consoles are unix sockets here, so host and port are of no use; `path` and `serial` are."""
    instance = _found(api, call)
    if not api.nodes.seems_running(instance):
        raise Fault(503, "Instance console unavailable")
    place = await api.nodes.of(instance).console(instance)
    return {
        "instance": instance.name,
        "kind": "msg" if place.vnc is None else "vnc",
        "message": "Instance has no console" if place.vnc is None else None,
        "host": instance.primary_node,
        "port": None,
        "user": None,
        "command": None,
        "display": None,
        "path": place.vnc,
        "serial": place.serial,
    }


async def _console_log(api: Api, call: Call) -> Any:
    instance = _found(api, call)
    lines = call.number("length") if call.word("length") is not None else None
    return {"log": await api.nodes.of(instance).console_log(instance, lines)}


NAME = "/2/instances/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/instances": {"GET": reads(_list)},
    NAME: {"GET": reads(_show)},
    f"{NAME}/console": {"GET": Verb(_console, READERS)},
    f"{NAME}/console-log": {"GET": Verb(_console_log, READERS)},
}

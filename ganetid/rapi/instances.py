"""
/2/instances and what is below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.cluster_defaults import cluster_nicparams
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ADMIN_OFFLINE, ADMIN_UP, SOURCE_USER, Instance, Nic
from ganetid.cluster.parameters import actual
from ganetid.node.registry import WRONG_NODE
from ganetid.opcodes.instance_query import name_of
from ganetid.rapi.api import READERS, Api, Verb, reads
from ganetid.rapi.arguments import Call
from ganetid.rapi.faults import Fault

FIRST_VNC_PORT = 5900


def status_of(instance: Instance, is_running: bool) -> str:
    """Ganeti's derived status."""
    if is_running:
        return "running" if instance.admin_state == ADMIN_UP else "ERROR_up"
    if instance.admin_state == ADMIN_UP:
        return "ERROR_down"
    if instance.admin_state == ADMIN_OFFLINE:
        return "ADMIN_offline"
    return "USER_down" if instance.admin_state_source == SOURCE_USER else "ADMIN_down"


def shown(
    instance: Instance, cluster: Configuration, is_running: bool, trouble: str | None = None
) -> dict[str, Any]:
    """The instance with Ganeti's I_FIELDS.  trouble: see `Nodes.trouble`."""
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
        "oper_state": is_running if trouble in {None, WRONG_NODE} else None,
        "oper_ram": beparams["maxmem"] if is_running else None,
        "oper_vcpus": beparams["vcpus"] if is_running else None,
        "status": trouble or status_of(instance, is_running),
        "custom_hvparams": instance.hvparams,
        "custom_beparams": instance.beparams,
        "custom_nicparams": [custom_nicparams(nic, cluster) for nic in instance.nics],
        "ctime": instance.ctime,
        "mtime": instance.mtime,
        "uuid": instance.uuid,
        "serial_no": instance.serial_no,
        "tags": list(instance.tags),
    }


def custom_nicparams(nic: Nic, cluster: Configuration) -> dict[str, str]:
    """What is not the cluster's; of a NIC in a network, what the network's place says."""
    if nic.network is not None:
        return {"mode": nic.mode, "link": nic.link, "vlan": ""}
    inherited = cluster_nicparams(cluster.facts)
    own = {"mode": nic.mode, "link": nic.link}
    return {key: value for key, value in own.items() if value != inherited[key]}


def _nics(instance: Instance, cluster: Configuration) -> dict[str, Any]:
    nics = instance.nics
    networks = [cluster.networks.get(nic.network or "") for nic in nics]
    return {
        "nic.ips": [nic.ip for nic in nics],
        "nic.macs": [nic.mac for nic in nics],
        "nic.modes": [nic.mode for nic in nics],
        "nic.uuids": [nic.uuid for nic in nics],
        "nic.names": [name_of(nic) for nic in nics],
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
        "disk.names": [name_of(disk) for disk in disks],
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
    nodes = api.nodes
    return [
        shown(each, api.cluster, nodes.seems_running(each), nodes.trouble(each))
        for each in instances
    ]


def _show(api: Api, call: Call) -> Any:
    call.flag("lock")
    instance = _found(api, call)
    nodes = api.nodes
    return shown(instance, api.cluster, nodes.seems_running(instance), nodes.trouble(instance))


async def _console(api: Api, call: Call) -> Any:
    """Consoles are unix sockets here, so host and port are of no use; `path` and `serial` are."""
    instance = _found(api, call)
    if not api.nodes.seems_running(instance):
        raise Fault(503, "Instance console unavailable")
    place = await api.nodes.of(instance).console(instance)
    if place.vnc is None and place.serial is None and place.vnc_port is None:
        message = f"Console not available for {instance.hypervisor} hypervisor"
        return {"instance": instance.name, "kind": "msg", "message": message}
    port = place.vnc_port
    facts = {
        "instance": instance.name,
        "kind": "ssh" if place.vnc is None and port is None else "vnc",
        "host": place.vnc_host or instance.primary_node,
        "port": port,
        "display": None if port is None else port - FIRST_VNC_PORT,
        "path": place.vnc,
        "serial": place.serial,
    }
    return {name: value for name, value in facts.items() if value is not None}


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

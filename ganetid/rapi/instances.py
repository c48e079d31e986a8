"""
/2/instances and what is below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ganetid.cluster.cluster_defaults import cluster_nicparams
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance, Nic
from ganetid.cluster.parameters import actual_beparams, actual_hvparams
from ganetid.opcodes.instance_query import name_of
from ganetid.rapi.answers import Encoded, Page
from ganetid.rapi.api import OPEN, READERS, Api, Verb, reads
from ganetid.rapi.arguments import Call
from ganetid.rapi.collections import fields_of, part_of, with_fields
from ganetid.rapi.consoles import console_at
from ganetid.rapi.faults import Fault
from ganetid.rapi.kept import joined
from ganetid.rapi.life import Life, is_on, life_of, lives, status_of
from ganetid.rapi.turns import in_turns


def shown(instance: Instance, cluster: Configuration, life: Life) -> dict[str, Any]:
    """The instance with Ganeti's I_FIELDS."""
    beparams = actual_beparams(instance.beparams, cluster.facts)
    running = is_on(life)
    return {
        "name": instance.name,
        "admin_state": instance.admin_state,
        "os": instance.os_type,
        "pnode": instance.primary_node,
        "snodes": [],
        "disk_template": instance.disk_template,
        **_nics(instance, cluster),
        **_disks(instance),
        "network_port": instance.network_port,
        "beparams": {**beparams, "memory": beparams["maxmem"]},
        "hvparams": actual_hvparams(instance, cluster.facts),
        "oper_state": running,
        "oper_ram": beparams["maxmem"] if running else None,
        "oper_vcpus": beparams["vcpus"] if running else None,
        "status": status_of(instance, life),
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
        return {"mode": nic.mode, "link": nic.link, "vlan": nic.vlan}
    inherited = cluster_nicparams(cluster.facts)
    own = {"mode": nic.mode, "link": nic.link}
    tagged = {"vlan": nic.vlan} if nic.vlan else {}
    return {**{key: value for key, value in own.items() if value != inherited[key]}, **tagged}


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


def encoded(api: Api, instance: Instance, life: Life) -> bytes:
    """The instance as JSON, kept until something that is in it changes."""
    networks = [api.cluster.networks.get(nic.network) for nic in instance.nics if nic.network]
    return api.kept.encoded(
        instance.name,
        (instance, api.cluster.facts, life, *networks),
        lambda: shown(instance, api.cluster, life),
    )


async def _list(api: Api, call: Call) -> Any:
    instances = api.cluster.instances
    part = part_of(instances, call, api.cluster.instance_names)
    if not call.flag("bulk"):
        rows = [{"id": name, "uri": f"/2/instances/{name}"} for name in part.names]
        return Page(rows, part.after)
    known, fields = lives(api.cluster, api.nodes), fields_of(call)
    chosen = [instances[name] for name in part.names]
    if fields is not None:
        picked = [
            with_fields(shown(each, api.cluster, known.of(each)), fields)
            async for some in in_turns(chosen)
            for each in some
        ]
        return Page(picked, part.after)
    api.kept.forget_others(instances)
    bodies = [
        encoded(api, each, known.of(each)) async for some in in_turns(chosen) for each in some
    ]
    return Page(Encoded(joined(bodies)), part.after)


def _show(api: Api, call: Call) -> Any:
    call.flag("lock")
    instance = _found(api, call)
    return Encoded(encoded(api, instance, life_of(instance, api.cluster, api.nodes)))


async def _console(api: Api, call: Call) -> Any:
    """
    What Ganeti says; and `path` and `serial`, sockets on the node itself, and from afar `tokens`,
    which open each at the node's console proxy once.
    """
    if api.strict and call.items[0] not in api.cluster.instances:
        raise Fault(500, "list index out of range")  # what Ganeti 3.0.2 says
    instance = _found(api, call)
    if not api.nodes.seems_running(instance):
        raise Fault(503, "Instance console unavailable")
    place = await api.nodes.of(instance).console(instance)
    shown = console_at(instance, actual_hvparams(instance, api.cluster.facts), place)
    return {**shown, "tokens": place.tokens} if place.tokens else shown


async def console_of(api: Api, instance: Instance) -> dict[str, Any]:
    """Where the console of a running instance is.  Raises OpPrereqError."""
    place = await api.nodes.of(instance).console(instance)
    return console_at(instance, actual_hvparams(instance, api.cluster.facts), place)


async def _console_log(api: Api, call: Call) -> Any:
    instance = _found(api, call)
    lines = call.number("length") if call.word("length") is not None else None
    return {"log": await api.nodes.of(instance).console_log(instance, lines)}


async def _statistics(api: Api, call: Call) -> Any:
    """What the guest uses, as it is counted now; `state` is the hypervisor's word."""
    instance = _found(api, call)
    if not api.nodes.seems_running(instance):
        raise Fault(503, "Instance is not running")
    node = api.nodes.of(instance)
    state = await node.guest_state(instance)
    return {"state": state, **msgspec.to_builtins(await node.statistics(instance))}


NAME = "/2/instances/{name}"
RESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "/2/instances": {"GET": Verb(_list, OPEN)},
    NAME: {"GET": reads(_show)},
    f"{NAME}/console": {"GET": Verb(_console, READERS)},
    f"{NAME}/statistics": {"GET": Verb(_statistics, READERS)},
    f"{NAME}/console-log": {"GET": Verb(_console_log, READERS)},
}

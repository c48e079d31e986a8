"""
OP_INSTANCE_QUERY_DATA: everything about instances, as a job's result.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Disk, Instance, Network, Nic
from ganetid.cluster.parameters import actual
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Field, Input, Opcode, Outcome, boolean, list_of_text
from ganetid.opcodes.errors import UNKNOWN_ENTITY, OpPrereqError
from ganetid.opcodes.networks import external


async def query(context: Context, given: Input) -> Outcome:
    """``{name: facts}`` of the instances named, of all when none is."""
    names = given["instances"] or sorted(context.cluster.instances)
    facts: dict[str, Any] = {}
    for name in names:
        instance = context.cluster.instances.get(name)
        if instance is None:
            raise OpPrereqError(f"Instance '{name}' not known", UNKNOWN_ENTITY)
        running = None if given["static"] else await context.node_of(instance).is_running(instance)
        facts[name] = described(instance, context.cluster, running)
    return Outcome(facts)


def described(instance: Instance, cluster: Configuration, running: bool | None) -> dict[str, Any]:
    """Ganeti's wording of an instance's facts; `running` None: not asked for."""
    full = actual(instance, cluster.facts)
    group = cluster.group_of(instance.primary_node)
    return {
        "name": instance.name,
        "config_state": instance.admin_state,
        "run_state": None if running is None else ("up" if running else "down"),
        "pnode": instance.primary_node,
        "pnode_group_uuid": group.uuid if group else None,
        "pnode_group_name": group.name if group else None,
        "snodes": [],
        "snodes_group_uuids": [],
        "snodes_group_names": [],
        "os": instance.os_type,
        "nics": [_nic(nic, cluster) for nic in instance.nics],
        "disk_template": instance.disk_template,
        "disks": [_disk(index, disk, instance) for index, disk in enumerate(instance.disks)],
        "hypervisor": instance.hypervisor,
        "network_port": instance.network_port,
        "hv_instance": instance.hvparams,
        "hv_actual": full.hvparams,
        "be_instance": instance.beparams,
        "be_actual": full.beparams,
        "os_instance": instance.osparams,
        "os_actual": instance.osparams,
        "serial_no": instance.serial_no,
        "mtime": instance.mtime,
        "ctime": instance.ctime,
        "uuid": instance.uuid,
    }


def name_of(device: Nic | Disk) -> str | None:
    """What its user called it; None for a name that was made from its UUID."""
    return None if device.name.startswith(device.uuid) else device.name


def _nic(nic: Nic, cluster: Configuration) -> list[Any]:
    network = cluster.networks.get(nic.network or "")
    uuid = None if network is None else network.uuid
    facts = None if network is None else _network(network, cluster)
    return [name_of(nic), nic.uuid, nic.ip, nic.mac, nic.mode, nic.link, nic.vlan, uuid, facts]


def _network(network: Network, cluster: Configuration) -> dict[str, Any]:
    """The network as Ganeti's configuration has it; what it lacks is left out."""
    facts = {
        "name": network.name,
        "network": network.subnet,
        "gateway": network.gateway,
        "network6": network.network6,
        "gateway6": network.gateway6,
        "mac_prefix": network.mac_prefix,
        "reservations": _bits(network, set(cluster.addresses(network.name))),
        "ext_reservations": _bits(network, external(network)),
        "ctime": network.ctime,
        "mtime": network.mtime,
        "uuid": network.uuid,
        "serial_no": network.serial_no,
        "tags": list(network.tags),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _bits(network: Network, addresses: set[str]) -> str:
    """A digit for each address of the network: 1 for those given."""
    if network.subnet is None:
        return ""
    subnet = ipaddress.IPv4Network(network.subnet)
    bits = bytearray(b"0" * subnet.num_addresses)
    for address in (each for each in addresses if ":" not in each):
        bits[int(ipaddress.IPv4Address(address)) - int(subnet.network_address)] = ord("1")
    return bits.decode("ascii")


def _disk(index: int, disk: Disk, instance: Instance) -> dict[str, Any]:
    return {
        "iv_name": f"disk/{index}",
        "dev_type": instance.disk_template,
        "logical_id": [disk.provider, disk.name],
        "drbd_info": None,
        "pstatus": None,
        "sstatus": None,
        "children": [],
        "mode": disk.mode,
        "size": disk.size_mib,
        "spindles": None,
        "name": name_of(disk),
        "uuid": disk.uuid,
    }


def _locks(given: Input) -> tuple[Lock, ...]:
    if not given["use_locking"]:
        return ()
    return tuple(Lock("instance", name, shared=True) for name in given["instances"])


OPCODES = (
    Opcode(
        op_id="OP_INSTANCE_QUERY_DATA",
        fields=(
            Field("use_locking", boolean, False),
            Field("instances", list_of_text, []),
            Field("static", boolean, False),
        ),
        run=query,
        recover=query,
        locks=_locks,
    ),
)

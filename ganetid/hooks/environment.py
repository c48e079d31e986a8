"""
What hooks are told of the objects of a cluster: pure functions, names without ``GANETI_``.

Source: Ganeti 3.0.2, lib/cmdlib/instance_utils.py and what its hooks were seen to get.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganetid.cluster.defaults import BEPARAMS, HVPARAMS, filled
from ganetid.cluster.model import Disk, Instance, Network, Nic

Environment = dict[str, str]

FILES = frozenset({"file", "sharedfile"})
BRIDGES = frozenset({"bridged", "openvswitch"})


def instance_part(
    instance: Instance, networks: Mapping[str, Network], status: str | None = None
) -> Environment:
    """
    An instance whose parameters are all filled in.

    networks: by name.  status: other than the instance's admin state.
    """
    beparams, hvparams = filled(instance.beparams, BEPARAMS), filled(instance.hvparams, HVPARAMS)
    facts: dict[str, Any] = {
        "OP_TARGET": instance.name,
        "INSTANCE_NAME": instance.name,
        "INSTANCE_PRIMARY": instance.primary_node,
        "INSTANCE_SECONDARIES": "",
        "INSTANCE_OS_TYPE": instance.os_type,
        "INSTANCE_STATUS": status or instance.admin_state,
        "INSTANCE_MINMEM": beparams["minmem"],
        "INSTANCE_MAXMEM": beparams["maxmem"],
        "INSTANCE_MEMORY": beparams["maxmem"],
        "INSTANCE_VCPUS": beparams["vcpus"],
        "INSTANCE_DISK_TEMPLATE": instance.disk_template,
        "INSTANCE_HYPERVISOR": instance.hypervisor,
        "INSTANCE_NIC_COUNT": len(instance.nics),
        "INSTANCE_DISK_COUNT": len(instance.disks),
        "INSTANCE_TAGS": " ".join(instance.tags),
    }
    for index, nic in enumerate(instance.nics):
        facts |= _nic_part(f"INSTANCE_NIC{index}_", nic, networks.get(nic.network or ""))
    for index, disk in enumerate(instance.disks):
        facts |= _disk_part(f"INSTANCE_DISK{index}_", disk, instance.disk_template)
    facts |= {f"INSTANCE_BE_{key}": value for key, value in beparams.items()}
    facts |= {f"INSTANCE_HV_{key}": value for key, value in hvparams.items()}
    return as_text(facts)


def network_part(network: Network, prefix: str = "") -> Environment:
    """A network, as it stands in a NIC's facts.  What it does not have is left out."""
    facts = {
        "NETWORK_NAME": network.name,
        "NETWORK_UUID": network.uuid,
        "NETWORK_TAGS": " ".join(network.tags),
        "NETWORK_SUBNET": network.subnet,
        "NETWORK_GATEWAY": network.gateway,
        "NETWORK_SUBNET6": network.network6,
        "NETWORK_GATEWAY6": network.gateway6,
        "NETWORK_MAC_PREFIX": network.mac_prefix,
    }
    return {f"{prefix}{key}": value for key, value in facts.items() if value is not None}


def known_network_part(given: Mapping[str, Any], networks: Mapping[str, Network]) -> Environment:
    """
    A network that is to be modified, as it is; or how it is connected to the group it shall leave.
    """
    network = networks.get(str(given.get("network_name")))
    if network is None:
        return {}
    if "group_name" not in given:
        facts = network_part(network)
        del facts["NETWORK_UUID"]
        return {key: value for key, value in facts.items() if value}
    for each in network.connections:
        if each.group == given["group_name"]:
            facts = {"MODE": each.mode, "LINK": each.link, "VLAN": each.vlan}
            return {f"GROUP_NETWORK_{key}": value for key, value in facts.items()}
    return {}


def as_text(facts: Mapping[str, Any]) -> Environment:
    """Values as Python writes them, which is how Ganeti's hooks know them: True, None, 12."""
    return {key: str(value) for key, value in facts.items()}


def _nic_part(prefix: str, nic: Nic, network: Network | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "UUID": nic.uuid,
        "IP": nic.ip or "",
        "MAC": nic.mac,
        "MODE": nic.mode,
        "LINK": nic.link,
        "VLAN": vlan_of(nic, network),
    }
    if nic.name:
        facts["NAME"] = nic.name
    if nic.mode in BRIDGES:
        facts["BRIDGE"] = nic.link
    part = {f"{prefix}{key}": value for key, value in facts.items()}
    if network is not None:
        part |= network_part(network, prefix)
    return part


def vlan_of(nic: Nic, network: Network | None) -> str:
    """The VLAN of a NIC's link, empty when it has none."""
    connections = network.connections if network is not None else ()
    return next((each.vlan for each in connections if each.link == nic.link), "")


def _disk_part(prefix: str, disk: Disk, template: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"UUID": disk.uuid, "SIZE": disk.size_mib, "MODE": disk.mode}
    if disk.name:
        facts["NAME"] = disk.name
    if disk.uuid:
        facts["DEV_TYPE"] = template
    if disk.uuid and template == "ext":
        facts |= {"PROVIDER": disk.provider, "ID": disk.name}
    if disk.uuid and template in FILES:
        facts |= {"DRIVER": "loop", "ID": disk.name}
    return {f"{prefix}{key}": value for key, value in facts.items()}

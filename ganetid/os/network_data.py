"""
How a guest sets up its network, in the three languages that cloud-init reads.

Source: OpenStack's network_data.json; cloud-init's network configuration formats, version 1 and 2.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from ganetid.os.guest_facts import Address, GuestFacts, Interface

Document = dict[str, Any]


def openstack(facts: GuestFacts) -> Document:
    """OpenStack's ``network_data.json``."""
    return {
        "links": [
            {
                "id": each.name,
                "type": "phy",
                "ethernet_mac_address": each.mac,
                "mtu": each.mtu,
            }
            for each in facts.interfaces
        ],
        "networks": [network for each in facts.interfaces for network in _openstack_networks(each)],
        "services": [{"type": "dns", "address": address} for address in facts.dns],
    }


def version_1(facts: GuestFacts) -> Document:
    """cloud-init's version 1."""
    config: list[Document] = [
        {
            "type": "physical",
            "name": each.name,
            "mac_address": each.mac,
            "mtu": each.mtu,
            "subnets": _subnets(each),
        }
        for each in facts.interfaces
    ]
    if facts.dns:
        config.append({"type": "nameserver", "address": list(facts.dns)})
    return {"version": 1, "config": config}


def version_2(facts: GuestFacts) -> Document:
    """cloud-init's version 2, which is netplan's."""
    return {
        "version": 2,
        "ethernets": {each.name: _ethernet(each, facts.dns) for each in facts.interfaces},
    }


def _openstack_networks(interface: Interface) -> list[Document]:
    common = {"link": interface.name, "network_id": interface.network}
    found = [
        {**common, "id": f"{interface.name}-{index}", **_openstack_address(address)}
        for index, address in enumerate(interface.addresses)
    ]
    if not interface.addresses:
        found.append({**common, "id": f"{interface.name}-dhcp", "type": "ipv4_dhcp"})
    if interface.accepts_advertisements and not _has_six(interface):
        found.append({**common, "id": f"{interface.name}-ra", "type": "ipv6_slaac"})
    return found


def _openstack_address(address: Address) -> Document:
    document: Document = {
        "type": f"ipv{address.version}",
        "ip_address": address.address,
        "netmask": _netmask(address),
        "routes": [],
    }
    if address.gateway is not None:
        everywhere = "0.0.0.0" if address.version == 4 else "::"
        route = {"network": everywhere, "netmask": everywhere, "gateway": address.gateway}
        document["routes"] = [route]
    return document


def _netmask(address: Address) -> str:
    network = ipaddress.ip_network(f"{address.address}/{address.prefix}", strict=False)
    return str(network.netmask)


def _subnets(interface: Interface) -> list[Document]:
    subnets: list[Document] = []
    for address in interface.addresses:
        kind = "static" if address.version == 4 else "static6"
        subnet = {"type": kind, "address": f"{address.address}/{address.prefix}"}
        if address.gateway is not None:
            subnet["gateway"] = address.gateway
        subnets.append(subnet)
    if not interface.addresses:
        subnets.append({"type": "dhcp4"})
    if interface.accepts_advertisements and not _has_six(interface):
        subnets.append({"type": "ipv6_slaac"})
    return subnets


def _ethernet(interface: Interface, dns: tuple[str, ...]) -> Document:
    document: Document = {
        "match": {"macaddress": interface.mac},
        "set-name": interface.name,
        "mtu": interface.mtu,
    }
    if interface.addresses:
        document["addresses"] = [f"{each.address}/{each.prefix}" for each in interface.addresses]
    else:
        document["dhcp4"] = True
    if interface.accepts_advertisements and not _has_six(interface):
        document["accept-ra"] = True
    routes = [
        {"to": "0.0.0.0/0" if each.version == 4 else "::/0", "via": each.gateway}
        for each in interface.addresses
        if each.gateway is not None
    ]
    if routes:
        document["routes"] = routes
    if dns and interface.addresses:
        document["nameservers"] = {"addresses": list(dns)}
    return document


def _has_six(interface: Interface) -> bool:
    return any(each.version == 6 for each in interface.addresses)

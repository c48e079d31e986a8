"""
NICs as QEMU takes them: the net back-end, and the device in front of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ganetid.hypervisor.blocks import Properties
from ganetid.hypervisor.device_ids import backend
from ganetid.hypervisor.values import NicDevice, TapNic, UserNic

MODELS: Mapping[str, str] = {"paravirtual": "virtio-net-pci", "ne2k_isa": "ne2k_isa"}
ETHERNET_MTU = 1500


def net_backend(device: str, nic: NicDevice, hvparams: Mapping[str, Any]) -> Properties:
    """The back-end behind the device."""
    match nic:
        case TapNic():
            properties: Properties = {
                "type": "tap",
                "id": backend(device),
                "ifname": nic.tap,
                "script": "no",
                "downscript": "no",
            }
            if not hvparams["vnet_hdr"]:
                properties["vnet_hdr"] = False
            if nic.queues > 1:
                properties["queues"] = nic.queues
            if nic.vhost and hvparams["vhost_net"] and hvparams["nic_type"] == "paravirtual":
                properties["vhost"] = True
            return properties
        case UserNic():
            return {"type": "user", "id": backend(device), **_user_addresses(nic)}


def nic_device(device: str, nic: NicDevice, hvparams: Mapping[str, Any]) -> Properties:
    """The device, but for its place on a bus.  Without boot firmware of its own."""
    model = hvparams["nic_type"]
    properties: Properties = {
        "driver": MODELS.get(model, model),
        "id": device,
        "netdev": backend(device),
        "mac": nic.mac,
    }
    if model == "ne2k_isa":
        return properties
    if hvparams["boot_order"] != "network":
        properties["romfile"] = ""
    if model == "paravirtual" and isinstance(nic, TapNic):
        if nic.mtu != ETHERNET_MTU:
            properties["host_mtu"] = nic.mtu
        if nic.queues > 1:
            properties.update({"mq": True, "vectors": 2 * nic.queues + 2})
    return properties


def _user_addresses(nic: UserNic) -> Properties:
    """QEMU's network gets the NIC's subnet; its helpers take addresses that the NIC leaves free."""
    if nic.subnet is None or nic.address is None:
        return {}
    subnet = ipaddress.IPv4Network(nic.subnet)
    spare = (str(host) for host in subnet.hosts() if str(host) not in {nic.address, nic.gateway})
    gateway = nic.gateway or next(spare)
    return {"net": str(subnet), "host": gateway, "dhcpstart": nic.address, "dns": next(spare)}

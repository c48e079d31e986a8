"""
What a guest finds in its config drive, in OpenStack's layout.  Pure.

Format: Nova's user guide, "Metadata", and cloud-init's ConfigDrive data source.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from attrs import field, frozen

RELEASES = ("2018-08-27", "latest")


@frozen(kw_only=True)
class Interface:
    """
    One NIC.  gateway "" means none.
    """

    port_id: str
    network_id: str
    mac_address: str
    ip_address: str
    cidr: str
    gateway: str
    mtu: int
    dns: tuple[str, ...] = ()
    tag: str | None = None


@frozen(kw_only=True)
class Guest:
    """
    What a guest is told about itself.  files: path -> content, of `personality`.
    """

    server_id: str
    name: str
    hostname: str
    project_id: str
    launch_index: int
    availability_zone: str
    admin_password: str
    key_name: str | None
    public_key: str | None
    metadata: dict[str, str]
    user_data: bytes | None
    interfaces: tuple[Interface, ...]
    files: tuple[tuple[str, bytes], ...] = field(default=())


def contents(guest: Guest) -> dict[str, bytes]:
    """
    Path in the drive -> content.
    """
    drive: dict[str, bytes] = {}
    for release in RELEASES:
        drive[f"openstack/{release}/meta_data.json"] = _json(_meta_data(guest))
        drive[f"openstack/{release}/network_data.json"] = _json(_network_data(guest))
        drive[f"openstack/{release}/vendor_data.json"] = _json({})
        if guest.user_data is not None:
            drive[f"openstack/{release}/user_data"] = guest.user_data
    for place, (_, content) in enumerate(guest.files):
        drive[f"openstack/content/{place:04}"] = content
    return drive


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _meta_data(guest: Guest) -> dict[str, Any]:
    told: dict[str, Any] = {
        "uuid": guest.server_id,
        "name": guest.name,
        "hostname": guest.hostname,
        "launch_index": guest.launch_index,
        "availability_zone": guest.availability_zone,
        "project_id": guest.project_id,
        "admin_pass": guest.admin_password,
        "devices": [
            {"type": "nic", "mac": nic.mac_address, "tags": [nic.tag]}
            for nic in guest.interfaces
            if nic.tag is not None
        ],
    }
    if guest.metadata:
        told["meta"] = guest.metadata
    if guest.public_key is not None and guest.key_name is not None:
        told["public_keys"] = {guest.key_name: guest.public_key}
        told["keys"] = [{"name": guest.key_name, "type": "ssh", "data": guest.public_key}]
    if guest.files:
        told["files"] = [
            {"path": path, "content_path": f"/content/{place:04}"}
            for place, (path, _) in enumerate(guest.files)
        ]
    return told


def _network_data(guest: Guest) -> dict[str, Any]:
    links, networks, services = [], [], []
    for place, nic in enumerate(guest.interfaces):
        link = f"tap{nic.port_id[:11]}"
        links.append(
            {
                "id": link,
                "vif_id": nic.port_id,
                "type": "bridge",
                "mtu": nic.mtu,
                "ethernet_mac_address": nic.mac_address,
            }
        )
        version = ipaddress.ip_network(nic.cidr).version
        networks.append(
            {
                "id": f"network{place}",
                "type": f"ipv{version}_dhcp",
                "link": link,
                "network_id": nic.network_id,
            }
        )
        services += [{"type": "dns", "address": address} for address in nic.dns]
    return {"links": links, "networks": networks, "services": services}

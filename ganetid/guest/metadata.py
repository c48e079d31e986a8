"""
What a guest's metadata service answers, by path: OpenStack's, EC2's and NoCloud's forms.

All are made of the files of the config drive and of the guest's NICs.  Passwords are left out:
whatever runs in the guest can read this at any time.
Source: cloud-init's data sources OpenStack, Ec2 and NoCloud; nova's network_data.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ganetid.network.ports import NetworkPlan, PortPlan

OPENSTACK = "openstack/latest/"
EC2 = "latest/meta-data/"
NOCLOUD = "nocloud/"
SECRETS = ("admin_pass", "adminPass")
META_DATA, USER_DATA, NETWORK_DATA = "meta_data.json", "user_data", "network_data.json"


def documents(
    files: Mapping[str, bytes],
    ports: tuple[PortPlan, ...],
    networks: Mapping[str, NetworkPlan],
) -> dict[str, bytes]:
    """
    Content by path.  A path that ends with a slash is what that folder says of itself.

    files: of the config drive.  networks: of the NICs, by name.
    """
    told = _meta_data(files, ports)
    user_data = files.get(OPENSTACK + USER_DATA)
    found = {path: content for path, content in files.items() if path.startswith("openstack/")}
    found[OPENSTACK + META_DATA] = _json(told)
    found.setdefault(OPENSTACK + NETWORK_DATA, _json(network_data(ports, networks)))
    found.setdefault(OPENSTACK + "vendor_data.json", b"{}")
    found.update(_ec2(told, ports))
    found.update(_nocloud(told, ports, networks))
    if user_data is not None:
        found["latest/user-data"] = user_data
        found[NOCLOUD + "user-data"] = user_data
    return found


def network_data(
    ports: tuple[PortPlan, ...], networks: Mapping[str, NetworkPlan]
) -> dict[str, Any]:
    """OpenStack's network_data.json."""
    links: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    services: list[str] = []
    for index, port in enumerate(ports):
        plan = networks.get(port.network or "")
        mtu = port.mtu or (plan.mtu if plan else None)
        links.append(
            {"id": f"nic{index}", "type": "phy", "ethernet_mac_address": port.mac, "mtu": mtu}
        )
        found += _networks_of(index, port, plan)
        services += plan.dns if plan else ()
    dns = [{"type": "dns", "address": each} for each in dict.fromkeys(services)]
    return {"links": links, "networks": found, "services": dns}


def network_config(
    ports: tuple[PortPlan, ...], networks: Mapping[str, NetworkPlan]
) -> dict[str, Any]:
    """cloud-init's network configuration, version 2: every NIC by DHCP."""
    ethernets: dict[str, Any] = {}
    for index, port in enumerate(ports):
        plan = networks.get(port.network or "")
        entry: dict[str, Any] = {"match": {"macaddress": port.mac}, "dhcp4": bool(port.ips4)}
        for subnet in plan.subnets6 if plan else ():
            entry["dhcp6" if subnet.managed else "accept-ra"] = True
        if port.mtu is not None:
            entry["mtu"] = port.mtu
        ethernets[f"nic{index}"] = entry
    return {"version": 2, "ethernets": ethernets}


def _networks_of(index: int, port: PortPlan, plan: NetworkPlan | None) -> Iterable[dict[str, Any]]:
    common = {"link": f"nic{index}", "network_id": port.network}
    for address in port.ips4:
        yield {**common, "id": f"network{index}", "type": "ipv4_dhcp", "ip_address": address}
        break
    for number, subnet in enumerate(plan.subnets6 if plan else ()):
        kind = "ipv6_dhcpv6-stateful" if subnet.managed else "ipv6_slaac"
        name = f"network{index}_6" + (f"_{number}" if number else "")
        yield {**common, "id": name, "type": kind}


def _meta_data(files: Mapping[str, bytes], ports: tuple[PortPlan, ...]) -> dict[str, Any]:
    try:
        told = json.loads(files.get(OPENSTACK + META_DATA, b"{}"))
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    for secret in SECRETS:
        told.pop(secret, None)
    first = ports[0] if ports else None
    told.setdefault("uuid", first.instance_uuid if first else "")
    told.setdefault("hostname", (first.host_name or "") if first else "")
    told.setdefault("name", told["hostname"])
    return told


def _ec2(told: Mapping[str, Any], ports: tuple[PortPlan, ...]) -> dict[str, bytes]:
    first = next((port for port in ports if port.ips4), None)
    found: dict[str, Any] = {
        "instance-id": told["uuid"],
        "hostname": told["hostname"],
        "local-hostname": told["hostname"],
        "ami-id": "ami-00000000",
        "instance-type": "custom",
        "placement/availability-zone": told.get("availability_zone", "nova"),
    }
    if first is not None:
        found |= {"local-ipv4": first.ip, "mac": first.mac}
        public = [each.public for port in ports for each in port.floating]
        if public:
            found["public-ipv4"] = public[0]
    for index, port in enumerate(ports):
        folder = f"network/interfaces/macs/{port.mac}/"
        found |= {
            folder + "mac": port.mac,
            folder + "device-number": index,
            folder + "local-ipv4s": "\n".join(port.ips4),
            folder + "ipv6s": "\n".join(port.ips6),
        }
    keys = _public_keys(told)
    for index, (_, key) in enumerate(keys):
        found[f"public-keys/{index}/openssh-key"] = key
    if keys:
        found["public-keys/"] = "\n".join(f"{i}={name}" for i, (name, _) in enumerate(keys))
    return {EC2 + path: str(value).encode("utf-8") for path, value in found.items()}


def _public_keys(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    keys = told.get("public_keys", {})
    return (
        sorted((str(name), str(key)) for name, key in keys.items())
        if isinstance(keys, dict)
        else []
    )


def _nocloud(
    told: Mapping[str, Any], ports: tuple[PortPlan, ...], networks: Mapping[str, NetworkPlan]
) -> dict[str, bytes]:
    """For ``ds=nocloud;seedfrom=http://169.254.169.254/nocloud/``; JSON is YAML."""
    meta = {
        "instance-id": told["uuid"],
        "local-hostname": told["hostname"],
        "public-keys": [key for _, key in _public_keys(told)],
    }
    return {
        NOCLOUD + "meta-data": _json(meta),
        NOCLOUD + "user-data": b"",
        NOCLOUD + "vendor-data": b"",
        NOCLOUD + "network-config": _json(network_config(ports, networks)),
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode("utf-8")

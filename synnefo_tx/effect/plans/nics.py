"""
What a cluster is asked when ports come into servers, change there, and go again.  Pure.

Bodies as RAPI of Ganeti 3 takes them; `port` is ganetid's.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synnefo_tx.effect.plan import PREFIX, filtering, instance_name, network_name
from synnefo_tx.effect.wishes import Wish

ATTACH, CHANGE, DETACH = "port.attach", "port.change", "port.detach"  # kinds of wishes and tasks


@frozen(kw_only=True)
class NicShape:
    """
    A port as a cluster shall have it.

    addresses: but those that its guest makes itself.  pairs: further (address or block, MAC) that
    it may send under.  security_groups: ids.  dhcp_options: (name, value, version of IP).
    """

    port_id: str
    network_id: str
    mac_address: str
    addresses: tuple[str, ...]
    is_secure: bool = True
    security_groups: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    dhcp_options: tuple[tuple[str, str, int], ...] = ()


def nic_name(port_id: str) -> str:
    """
    What the cluster calls a port.
    """
    return f"{PREFIX}-nic-{port_id}"


def attach(server_id: str, cluster_id: str, nic: NicShape) -> Wish:
    """
    The port becomes the server's last NIC; a running guest sees it at once.
    """
    values = {
        "name": nic_name(nic.port_id),
        "network": network_name(nic.network_id),
        "mac": nic.mac_address,
        **changing(nic),
    }
    return _modify(ATTACH, server_id, cluster_id, ["add", -1, values])


def change(server_id: str, cluster_id: str, nic: NicShape) -> Wish:
    """
    The port's addresses, and what its guest may do with it.
    """
    return _modify(CHANGE, server_id, cluster_id, ["modify", nic_name(nic.port_id), changing(nic)])


def detach(server_id: str, cluster_id: str, port_id: str) -> Wish:
    """
    The server has the NIC no more.
    """
    return _modify(DETACH, server_id, cluster_id, ["remove", nic_name(port_id), {}])


def changing(nic: NicShape) -> dict[str, Any]:
    """
    What may change of a NIC: the first IPv4 address is Ganeti's own, all others are beside it.
    """
    first = next((one for one in nic.addresses if ":" not in one), None)
    port: dict[str, Any] = {
        "ips": [one for one in nic.addresses if one != first],
        **filtering(nic.security_groups, is_secure=nic.is_secure),
        "allowed_address_pairs": [
            {"cidr": address if "/" in address else _alone(address), "mac": mac}
            for address, mac in nic.pairs
        ],
        "dhcp_options": [
            {
                "number" if name.isdigit() else "name": _of_dhcp(name),
                "value": value,
                "ip_version": version,
            }
            for name, value, version in nic.dhcp_options
        ],
    }
    return {"ip": first, "port": port}


def _alone(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _of_dhcp(name: str) -> int | str:
    return int(name) if name.isdigit() else name


def _modify(kind: str, server_id: str, cluster_id: str, change_of_nics: list[Any]) -> Wish:
    return Wish(
        kind=kind,
        target=server_id,
        cluster_id=cluster_id,
        method="PUT",
        path=f"/2/instances/{instance_name(server_id)}/modify",
        body={"nics": [change_of_nics], "hotplug_if_possible": True},
    )

"""
What a guest is to know of itself, gathered from the configuration.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from attrs import field, frozen

from ganetid.cluster.model import Instance, Network, Nic
from ganetid.cluster.subnets import subnet_with, subnets_of


@frozen
class Address:
    """An address with its prefix length, and the gateway of its network, if that is the NIC's."""

    address: str
    prefix: int
    gateway: str | None = None

    @property
    def version(self) -> int:
        """4 or 6."""
        return ipaddress.ip_address(self.address).version


@frozen
class Interface:
    """
    A NIC as its guest sets it up.

    name: eth0 and so on.  addresses: none means that the guest asks by DHCP.
    accepts_advertisements: its network has IPv6, and the address comes from there.
    """

    name: str
    mac: str
    mtu: int
    addresses: tuple[Address, ...] = ()
    network: str = ""
    accepts_advertisements: bool = False


@frozen
class GuestFacts:
    """
    All that cloud-init is told.

    user_data: as its user gave it.  password_hash: of its default user, as in /etc/shadow.
    Neither is ever shown.
    """

    uuid: str
    hostname: str
    interfaces: tuple[Interface, ...] = ()
    dns: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(factory=dict)
    user_data: bytes | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)


def interfaces_of(
    instance: Instance, networks: Mapping[str, Network], mtu: int = 1500
) -> tuple[Interface, ...]:
    """
    The instance's NICs.  Only the first that has a gateway leads out, or routes would compete.
    """
    found: list[Interface] = []
    has_gateway = False
    for index, nic in enumerate(instance.nics):
        network = networks.get(nic.network or "")
        interface = _interface(index, nic, network, mtu, not has_gateway)
        has_gateway = has_gateway or any(each.gateway for each in interface.addresses)
        found.append(interface)
    return tuple(found)


def _interface(
    index: int, nic: Nic, network: Network | None, mtu: int, leads_out: bool
) -> Interface:
    addresses: tuple[Address, ...] = ()
    if network is not None:
        addresses = _addresses(nic, network, leads_out)
        mtu = network.options.mtu or mtu
    return Interface(
        name=f"eth{index}",
        mac=nic.mac,
        mtu=nic.port.mtu or mtu,
        addresses=addresses,
        network=network.uuid if network is not None else "",
        accepts_advertisements=network is not None
        and any(":" in each.cidr for each in subnets_of(network)),
    )


def _addresses(nic: Nic, network: Network, leads_out: bool) -> tuple[Address, ...]:
    """Of each version the first one leads out."""
    found: list[Address] = []
    for ip in nic.ips:
        is_first = ipaddress.ip_address(ip).version not in {each.version for each in found}
        found.append(_address(ip, network, leads_out and is_first))
    return tuple(found)


def _address(ip: str, network: Network, leads_out: bool) -> Address:
    subnet = subnet_with(network, ip)
    if subnet is None:
        return Address(ip, ipaddress.ip_address(ip).max_prefixlen)
    prefix = ipaddress.ip_network(subnet.cidr, strict=False).prefixlen
    return Address(ip, prefix, subnet.gateway if leads_out else None)

"""
Addresses of NICs: asked for, of a pool, and those that would be in somebody's way.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from attrs import frozen

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network, Nic
from ganetid.cluster.subnets import gateways_of, subnet_with, subnets_of
from ganetid.cluster.wiring import Subnet
from ganetid.network.addresses import Address, plain_address
from ganetid.network.state import autoconfigured
from ganetid.opcodes.errors import NOT_UNIQUE, WRONG_INPUT, WRONG_STATE, OpPrereqError
from ganetid.opcodes.networks import external

MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
POOL = "pool"
FIRST_IN_SIX = 16  # addresses below are routers' by custom


@frozen
class Claim:
    """
    A NIC that wants addresses.

    others: NICs of the same instance.  group: of its node.  own: what it has already.
    conflicts_check: see `nic_from`.
    """

    network: Network | None
    mac: str
    cluster: Configuration
    others: tuple[Nic, ...]
    group: str
    conflicts_check: bool = True
    own: frozenset[str] = frozenset()

    def taken(self) -> set[str]:
        """Addresses of the network that other NICs and routers have."""
        assert self.network is not None
        mine = {ip for nic in self.others if nic.network == self.network.name for ip in nic.ips}
        return mine | set(self.cluster.addresses(self.network.name)) - self.own


def address_of(given: Any, claim: Claim) -> str | None:
    """The address that is asked for, of a pool a free one.  Raises OpPrereqError."""
    if given is None or str(given).lower() == "none":
        return None
    if claim.network is not None and given == POOL:
        return _of_pool(claim.network, claim)
    if given == POOL:
        raise OpPrereqError("if ip=pool, parameter network must be passed too", WRONG_INPUT)
    try:
        address = plain_address(str(given))
    except ValueError:
        raise OpPrereqError(f"Invalid IP address '{given}'", WRONG_INPUT) from None
    if claim.network is None:
        _refuse_others(address, claim)
    else:
        require_free(address, claim.network, claim)
    return str(address)


def require_free(address: Address, network: Network, claim: Claim) -> None:
    """Raises OpPrereqError unless the NIC may have this address of the network."""
    reserved = edges(network) | (external(network) if claim.conflicts_check else set())
    text = str(address)
    if not _is_inside(address, network) or text in claim.taken() or text in reserved:
        raise OpPrereqError(
            f"IP address {address} already in use or does not belong to network {network.name}",
            NOT_UNIQUE,
        )


def edges(network: Network) -> set[str]:
    """Addresses that are nobody's, and the gateways'."""
    kept = set(gateways_of(network))
    for each in subnets_of(network):
        subnet = ipaddress.ip_network(each.cidr, strict=False)
        if subnet.version == 4 and subnet.num_addresses > 2:
            kept |= {str(subnet.network_address), str(subnet.broadcast_address)}
    return kept


def _refuse_others(address: Address, claim: Claim) -> None:
    """A NIC in no network has no address of one that its node carries.  Words: Ganeti's."""
    if not claim.conflicts_check:
        return
    for network in claim.cluster.networks.values():
        is_here = any(each.group == claim.group for each in network.connections)
        if is_here and _is_inside(address, network):
            raise OpPrereqError(
                f"The requested IP address ({address}) belongs to network {network.name}, but the"
                " target NIC does not.",
                WRONG_STATE,
            )


def _is_inside(address: Address, network: Network) -> bool:
    return subnet_with(network, str(address)) is not None


def _free_in(subnet: Subnet, kept: set[str], mac: str) -> str | None:
    if ":" not in subnet.cidr:
        hosts = ipaddress.IPv4Network(subnet.cidr).hosts()
        return next((str(each) for each in hosts if str(each) not in kept), None)
    if not subnet.managed_ipv6:
        return autoconfigured(subnet.cidr, mac)
    prefix = ipaddress.IPv6Network(subnet.cidr)
    last = min(prefix.num_addresses, FIRST_IN_SIX + len(kept) + 1)
    found = (str(prefix[index]) for index in range(FIRST_IN_SIX, last))
    return next((each for each in found if each not in kept), None)


def _of_pool(network: Network, claim: Claim) -> str:
    """The lowest free one; in a network of IPv6 alone what its guest would make itself."""
    kept = external(network) | edges(network) | claim.taken()
    subnets = subnets_of(network)
    four = [each for each in subnets if ":" not in each.cidr]
    for subnet in four or subnets:
        address = _free_in(subnet, kept, claim.mac)
        if address is not None:
            return address
    raise OpPrereqError(f"No free address in network {network.name}", NOT_UNIQUE)

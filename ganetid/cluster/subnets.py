"""
All subnets of a network: Ganeti's one of each IP version, and those of its options.
"""

from __future__ import annotations

import ipaddress

from ganetid.cluster.things import Network
from ganetid.cluster.wiring import Subnet


def subnets_of(network: Network) -> tuple[Subnet, ...]:
    """Ganeti's come first."""
    options = network.options
    own = [
        Subnet(
            cidr,
            gateway,
            options.dhcp,
            tuple(each for each in options.dns if (":" in each) == (":" in cidr)),
            options.host_routes if ":" not in cidr else (),
            options.managed_ipv6,
        )
        for cidr, gateway in (
            (network.subnet, network.gateway),
            (network.network6, network.gateway6),
        )
        if cidr is not None
    ]
    return (*own, *options.subnets)


def subnet_with(network: Network, address: str) -> Subnet | None:
    """The subnet that an address is of."""
    found = ipaddress.ip_address(address)
    return next(
        (
            each
            for each in subnets_of(network)
            if found in ipaddress.ip_network(each.cidr, strict=False)
        ),
        None,
    )


def gateways_of(network: Network) -> tuple[str, ...]:
    """The gateways of all of them."""
    return tuple(each.gateway for each in subnets_of(network) if each.gateway is not None)


def leading_gateway(network: Network) -> str | None:
    """
    The gateway whose router has the network's own MAC address for it (`names.gateway_mac`).

    Of several routers that share a network one may have it: the one that IPv6 is advertised for.
    """
    return next(iter(sorted(gateways_of(network), key=lambda each: ":" not in each)), None)

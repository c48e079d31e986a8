"""
Whether a subnet can be as it is asked for.  Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from synnefo_tx.network import errors
from synnefo_tx.network.rules.addresses import (
    AUTOMATIC,
    EUI64_PREFIX,
    Block,
    ends_of,
    may_have,
    usual_pools,
)
from synnefo_tx.network.rules.attributes import Values

Pools = list[dict[str, str]]


def planned(network_id: str, values: Values, others: Iterable[Any]) -> Values:
    """
    `cidr`, `gateway_ip` and `allocation_pools` of a new subnet on the network with `others`.
    Raises InvalidValue, InvalidQuery, GatewayInPool, PoolOutside, PoolBackwards or PoolsOverlap.
    """
    if values.get("cidr") is None:
        raise errors.BadSubnets("a subnetpool must be specified in the absence of a cidr")
    block = ipaddress.ip_network(values["cidr"])
    check_version(block, values)
    check_modes(block, values)
    for other in others:
        theirs = ipaddress.ip_network(other.cidr)
        if theirs.version == block.version and theirs.overlaps(block):
            raise errors.InvalidValue(
                f"Requested subnet with cidr: {block} for network: {network_id} overlaps with "
                "another subnet"
            )
    gateway = gateway_of(block, values)
    pools = pools_of(block, values.get("allocation_pools"), gateway)
    return {"cidr": str(block), "gateway_ip": gateway, "allocation_pools": pools}


def check_version(block: Block, values: Values) -> None:
    """
    Everything is of one version.
    """
    version = values["ip_version"]
    if block.version != version:
        raise errors.InvalidValue(f"cidr '{block}' does not match the ip_version '{version}'")
    if block.prefixlen == 0:
        raise errors.InvalidValue("0 is not allowed as CIDR prefix length")
    gateway = values.get("gateway_ip")
    if gateway is not None and ipaddress.ip_address(gateway).version != version:
        raise errors.InvalidValue(f"gateway_ip '{gateway}' does not match the ip_version")
    check_servers(version, values)


def check_servers(version: int, values: Values) -> None:
    """
    Name servers and routes are of the subnet's version.
    """
    for route in values.get("host_routes", ()):
        if ipaddress.ip_address(route["nexthop"]).version != version:
            raise errors.InvalidValue(
                f"'{route['nexthop']}' of host_routes does not match the ip_version '{version}'"
            )
    for server in values.get("dns_nameservers", ()):
        if ipaddress.ip_address(server).version != version and version == 4:
            raise errors.InvalidValue(
                f"dns_nameserver '{server}' does not match the ip_version '{version}'"
            )


def check_modes(block: Block, values: Values) -> None:
    """
    How IPv6 guests get addresses.
    """
    modes = {
        name: values[name]
        for name in ("ipv6_ra_mode", "ipv6_address_mode")
        if values.get(name) is not None
    }
    if modes and block.version == 4:
        raise errors.InvalidValue(f"{next(iter(modes))} is not valid when ip_version is 4")
    if modes and not values["enable_dhcp"]:
        raise errors.InvalidQuery(
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
        )
    if len(set(modes.values())) > 1:
        raise errors.InvalidValue(
            f"ipv6_ra_mode set to '{modes['ipv6_ra_mode']}' with ipv6_address_mode set to "
            f"'{modes['ipv6_address_mode']}' is not valid. If both attributes are set, they must "
            "be the same value"
        )
    if set(modes.values()) & set(AUTOMATIC) and block.prefixlen != EUI64_PREFIX:
        raise errors.InvalidValue(
            f"Invalid CIDR {block} for IPv6 address mode. OpenStack uses the EUI-64 address "
            f"format, which requires the prefix to be /{EUI64_PREFIX}"
        )


def gateway_of(block: Block, values: Values) -> str | None:
    """
    The one asked for; the first address when nothing is said, none when null.
    """
    if "gateway_ip" not in values:
        return str(ends_of(block)[0])
    gateway: str | None = values["gateway_ip"]
    if gateway is not None:
        check_gateway(block, gateway)
    return gateway


def check_gateway(block: Block, gateway: str) -> None:
    """
    A gateway outside its subnet is fine; one that nobody may have is not.
    """
    address = ipaddress.ip_address(gateway)
    if address.version != block.version:
        raise errors.InvalidValue(
            f"gateway_ip '{gateway}' does not match the ip_version '{block.version}'"
        )
    if address in block and not may_have(block, address) and block.version == 4:
        raise errors.InvalidValue("Gateway is not valid on subnet")


def pools_of(block: Block, asked: Pools | None, gateway: str | None) -> Pools:
    """
    The pools asked for, in order; all but the gateway when there are none.
    """
    if not asked:
        return usual_pools(block, gateway)
    ranges = sorted(_range(block, pool) for pool in asked)
    for (_, end, pool), (start, _, following) in pairwise(ranges):
        if start <= end:
            raise errors.PoolsOverlap(pool, following, str(block))
    at = None if gateway is None else int(ipaddress.ip_address(gateway))
    for start, end, pool in ranges:
        if at is not None and start <= at <= end:
            raise errors.GatewayInPool(str(gateway), pool)
    return [
        {"start": one["start"], "end": one["end"]}
        for one in sorted(asked, key=lambda one: int(ipaddress.ip_address(one["start"])))
    ]


def check_gateway_outside(gateway: str | None, pools: Sequence[Mapping[str, str]]) -> None:
    """
    Raises GatewayInPool.
    """
    if gateway is None:
        return
    at = int(ipaddress.ip_address(gateway))
    for pool in pools:
        ends = [int(ipaddress.ip_address(pool[name])) for name in ("start", "end")]
        if ends[0] <= at <= ends[1]:
            raise errors.GatewayInPool(gateway, f"{pool['start']}-{pool['end']}")


def _range(block: Block, pool: Mapping[str, str]) -> tuple[int, int, str]:
    text = f"{pool['start']}-{pool['end']}"
    start, end = (ipaddress.ip_address(pool[name]) for name in ("start", "end"))
    if start.version != block.version or end.version != block.version or int(end) < int(start):
        raise errors.PoolBackwards(text)
    if not (may_have(block, start) and may_have(block, end)):
        raise errors.PoolOutside(text, str(block))
    return int(start), int(end), text

"""
Whether a router can be as somebody wants it: looked at before anything is done.
"""

from __future__ import annotations

import ipaddress

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network
from ganetid.cluster.subnets import gateways_of, subnet_with, subnets_of
from ganetid.cluster.wiring import Router, RouterInterface
from ganetid.network.ports import FloatingAddress
from ganetid.opcodes.errors import NOT_UNIQUE, UNKNOWN_ENTITY, WRONG_STATE, OpPrereqError
from ganetid.opcodes.forward_checks import check_forwards
from ganetid.opcodes.network_options import check_routes
from ganetid.opcodes.typed_body import check_ip, wrong

MOST = 64
MOST_FORWARDS = 4096


def check_router(wanted: Router, old: Router, cluster: Configuration) -> Router:
    """
    `wanted` with addresses as they are usually spelt.  Raises OpPrereqError, naming the field.

    old: as it was, whose addresses are its own.
    """
    if len(wanted.interfaces) > MOST:
        raise wrong("interfaces", f"at most {MOST} are possible")
    router = evolve(
        wanted,
        interfaces=tuple(
            _place(each, f"interfaces[{index}]") for index, each in enumerate(wanted.interfaces)
        ),
        external=None if wanted.external is None else _place(wanted.external, "external"),
    )
    names = [each.network for each in router.places]
    if len(set(names)) < len(names):
        raise wrong("interfaces", "a network is there twice")
    for index, each in enumerate(router.interfaces):
        _check_place(router, each, f"interfaces[{index}]", old, cluster)
    if router.external is not None:
        _check_place(router, router.external, "external", old, cluster)
    _refuse_overlaps(router, cluster)
    for index, address in enumerate(router.floating_ips):
        _check_floating(router, address, f"floating_ips[{index}]", old, cluster)
    _check_forwards(router, old, cluster)
    _check_routes(router, cluster)
    return router


def _place(place: RouterInterface, where: str) -> RouterInterface:
    if not place.ips:
        raise wrong(f"{where}.ips", "an address is needed")
    addresses = (check_ip(each, f"{where}.ips[{i}]") for i, each in enumerate(place.ips))
    return evolve(place, ips=tuple(str(each) for each in addresses))


def _check_place(
    router: Router, place: RouterInterface, where: str, old: Router, cluster: Configuration
) -> None:
    network = cluster.networks.get(place.network)
    if network is None:
        problem = f"{where}.network: Network '{place.network}' not found"
        raise OpPrereqError(problem, UNKNOWN_ENTITY)
    here = next((each for each in network.connections if each.group == router.group), None)
    if here is None or here.mode == "routed":
        raise OpPrereqError(
            f"{where}.network: network {network.name} has no bridge in group {router.group}",
            WRONG_STATE,
        )
    for index, each in enumerate(place.ips):
        _check_address(each, network, f"{where}.ips[{index}]", old, cluster)


def _check_address(
    address: str, network: Network, where: str, old: Router, cluster: Configuration
) -> None:
    if subnet_with(network, address) is None:
        raise wrong(where, f"{address} is not in network {network.name}")
    if address in gateways_of(network) and network.options.node_gateway:
        raise OpPrereqError(
            f"{where}: nodes themselves have {address}; network {network.name} needs the option"
            " node_gateway = false",
            WRONG_STATE,
        )
    users = [
        each
        for each in cluster.addresses(network.name).get(address, ())
        if each != f"router:{old.name}"
    ]
    if users:
        raise OpPrereqError(f"{where}: {address} is in use by {users[0]}", NOT_UNIQUE)


def _refuse_overlaps(router: Router, cluster: Configuration) -> None:
    """A packet for an address must have one way to go."""
    seen: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for place in router.places:
        network = cluster.networks[place.network]
        cidrs = [each.cidr for each in subnets_of(network)]
        for cidr in (ipaddress.ip_network(each, strict=False) for each in cidrs):
            if any(cidr.version == each.version and cidr.overlaps(each) for each in seen):
                raise wrong("interfaces", f"network {network.name} overlaps with another")
            seen.append(cidr)


def _check_floating(
    router: Router, address: FloatingAddress, where: str, old: Router, cluster: Configuration
) -> None:
    if router.external is None:
        raise wrong(where, "the router has no external network")
    check_ip(address.public, f"{where}.public", 4)
    if address.private is None:
        raise wrong(f"{where}.private", "is missing")
    check_ip(address.private, f"{where}.private", 4)
    if address.public in router.external.ips:
        raise wrong(f"{where}.public", f"{address.public} is the router's own")
    if sum(each.public == address.public for each in router.floating_ips) > 1:
        raise wrong(f"{where}.public", f"{address.public} is there twice")
    network = cluster.networks[router.external.network]
    _check_address(address.public, network, f"{where}.public", old, cluster)


def _check_forwards(router: Router, old: Router, cluster: Configuration) -> None:
    if len(router.port_forwardings) > MOST_FORWARDS:
        raise wrong("port_forwardings", f"at most {MOST_FORWARDS} are possible")
    check_forwards(router.port_forwardings, router.floating_ips, "port_forwardings")
    for index, each in enumerate(router.port_forwardings):
        where = f"port_forwardings[{index}]"
        if router.external is None:
            raise wrong(where, "the router has no external network")
        if each.public in router.external.ips:
            raise wrong(f"{where}.public", f"{each.public} is the router's own")
        network = cluster.networks[router.external.network]
        _check_address(each.public, network, f"{where}.public", old, cluster)


def _check_routes(router: Router, cluster: Configuration) -> None:
    check_routes(router.routes, "routes")
    networks = [cluster.networks[each.network] for each in router.places]
    cidrs = [subnet.cidr for each in networks for subnet in subnets_of(each)]
    for index, each in enumerate(router.routes):
        gateway = ipaddress.ip_address(each.gateway)
        if not any(gateway in ipaddress.ip_network(cidr, strict=False) for cidr in cidrs):
            raise wrong(f"routes[{index}].gateway", f"{gateway} is in no network of the router")

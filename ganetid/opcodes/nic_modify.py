"""
A NIC that is changed: its address, MAC address, network or link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from ganetid.cluster.cluster_defaults import cluster_nicparams
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network, Nic
from ganetid.cluster.wiring import NicPort
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.network_port import checked_port
from ganetid.opcodes.nic_addresses import Claim, address_of
from ganetid.opcodes.nic_parameters import link_from, mac_from, network_of, place_in, vlan_from


@frozen
class Around:
    """others: NICs of the same instance.  group: of its node.  conflicts_check: see `nic_from`."""

    cluster: Configuration
    others: list[Nic]
    group: str
    conflicts_check: bool = True


def modified_nic(nic: Nic, given: Mapping[str, Any], around: Around) -> Nic:
    """The NIC after the change.  Raises OpPrereqError."""
    cluster = around.cluster
    network = network_of(given.get("network", nic.network), cluster)
    newer = _with_place(nic, given, network, cluster, around.group)
    newer = _with_mac(newer, nic, given, cluster, around.others)
    claim = Claim(
        network,
        newer.mac,
        cluster,
        tuple(around.others),
        around.group,
        around.conflicts_check,
        frozenset(nic.ips) if newer.network == nic.network else frozenset(),
    )
    newer = _with_address(newer, nic, given, claim)
    if "name" in given:
        name = given["name"]
        newer = evolve(newer, name=nic.uuid if name in {None, "none"} else str(name))
    port = _with_own_alone(newer, nic.network)
    return checked_port(newer, port, given.get("port"), claim)


def _with_own_alone(nic: Nic, old_network: str | None) -> NicPort:
    """Its port, but for addresses of a network that it left, and public ones that led there."""
    port = (
        nic.port
        if nic.network == old_network
        else evolve(nic.port, ips=(), floating_ips=(), port_forwardings=())
    )
    own = {nic.ip, *port.ips}
    kept = (each for each in port.floating_ips if each.private is None or each.private in own)
    forwards = (each for each in port.port_forwardings if each.private in own)
    return evolve(port, floating_ips=tuple(kept), port_forwardings=tuple(forwards))


def _with_place(
    nic: Nic,
    given: Mapping[str, Any],
    network: Network | None,
    cluster: Configuration,
    group: str,
) -> Nic:
    mode, link = given.get("mode"), given.get("link") or given.get("bridge")
    if network is not None and (mode or link):
        if "network" in given:
            raise OpPrereqError("If network is given mode or link should not", WRONG_INPUT)
        raise OpPrereqError(
            "Not allowed to change link or mode of a NIC that is connected to a network",
            WRONG_INPUT,
        )
    if network is not None:
        place = place_in(network, group)
        vlan = vlan_from(given.get("vlan"), nic.vlan if network.name == nic.network else place.vlan)
        return evolve(nic, network=network.name, mode=place.mode, link=place.link, vlan=vlan)
    inherited = cluster_nicparams(cluster.facts)
    kept = nic if nic.network is None else evolve(nic, network=None, vlan="", **{
        key: inherited[key] for key in ("mode", "link")
    })  # fmt: skip
    vlan = vlan_from(given.get("vlan"), kept.vlan)
    return evolve(kept, mode=str(mode or kept.mode), link=link_from(link or kept.link), vlan=vlan)


def _with_address(newer: Nic, old: Nic, given: Mapping[str, Any], claim: Claim) -> Nic:
    wanted = given.get("ip", old.ip)
    if newer.network == old.network and ("ip" not in given or wanted == old.ip):
        return newer
    address = address_of(wanted, claim)
    if address is None and newer.mode == "routed" and claim.network is None:
        raise OpPrereqError(
            "Cannot set the NIC IP address to None on a routed NIC if not attached to a network",
            WRONG_INPUT,
        )
    return evolve(newer, ip=address)


def _with_mac(
    newer: Nic, old: Nic, given: Mapping[str, Any], cluster: Configuration, others: list[Nic]
) -> Nic:
    if "mac" not in given:
        return newer
    wanted = given["mac"]
    if wanted is None:
        raise OpPrereqError("Cannot unset the NIC MAC address", WRONG_INPUT)
    if wanted == "auto":
        raise OpPrereqError(
            "'auto' is not a valid MAC address when modifying an existing NIC", WRONG_INPUT
        )
    if str(wanted).lower() == old.mac:
        return newer
    network = network_of(newer.network, cluster)
    return evolve(newer, mac=mac_from(wanted, old.uuid, network, cluster, others))

"""
A NIC that is changed: its address, MAC address, network or link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.cluster_defaults import cluster_nicparams
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Network, Nic
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.instance_parameters import ip_from, mac_from, network_of, place_in


def modified_nic(
    nic: Nic, given: Mapping[str, Any], cluster: Configuration, others: list[Nic], group: str
) -> Nic:
    """
    The NIC after the change.  others: of the same instance.  group: of the instance's node.

    Raises OpPrereqError.
    """
    network = network_of(given.get("network", nic.network), cluster)
    newer = _with_place(nic, given, network, cluster, group)
    newer = _with_address(newer, nic, given, cluster, others)
    newer = _with_mac(newer, nic, given, cluster, others)
    if "name" in given:
        name = given["name"]
        newer = evolve(newer, name=nic.uuid if name in {None, "none"} else str(name))
    return newer


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
        return evolve(nic, network=network.name, mode=place.mode, link=place.link)
    inherited = cluster_nicparams(cluster.facts)
    kept = nic if nic.network is None else evolve(nic, network=None, **{
        key: inherited[key] for key in ("mode", "link")
    })  # fmt: skip
    return evolve(kept, mode=str(mode or kept.mode), link=str(link or kept.link))


def _with_address(
    newer: Nic, old: Nic, given: Mapping[str, Any], cluster: Configuration, others: list[Nic]
) -> Nic:
    network = network_of(newer.network, cluster)
    wanted = given.get("ip", old.ip)
    if "ip" not in given and newer.network == old.network:
        return newer
    if wanted == old.ip and newer.network == old.network:
        return newer
    address = ip_from(wanted, network, cluster, others)
    if address is None and newer.mode == "routed" and network is None:
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

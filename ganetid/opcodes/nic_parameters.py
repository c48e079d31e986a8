"""
From a NIC's parameters, as creating and changing instances take them, to a Nic: nothing is made.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from ganetid.cluster.cluster_defaults import cluster_nicparams, cluster_parameter
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Connection, Network, Nic
from ganetid.cluster.wiring import NicPort
from ganetid.network.names import LINK
from ganetid.network.vlan_notation import BadVlan, membership
from ganetid.opcodes.errors import NOT_UNIQUE, UNKNOWN_ENTITY, WRONG_INPUT, OpPrereqError
from ganetid.opcodes.network_port import checked_port
from ganetid.opcodes.nic_addresses import MAC, Claim, address_of

MAX_NICS = 8


def nics_from(
    given: list[dict[str, Any]], cluster: Configuration, group: str, conflicts_check: bool = True
) -> tuple[Nic, ...]:
    """The NICs of a new instance; see `nic_from`.  Raises OpPrereqError."""
    if len(given) > MAX_NICS:
        raise OpPrereqError(f"At most {MAX_NICS} NICs are possible", WRONG_INPUT)
    nics: list[Nic] = []
    for each in given:
        nics.append(nic_from(each, cluster, nics, group, conflicts_check))
    return tuple(nics)


def nic_from(
    given: Mapping[str, Any],
    cluster: Configuration,
    others: list[Nic],
    group: str,
    conflicts_check: bool = True,
) -> Nic:
    """
    A NIC as asked for.  others: of the same instance.  group: of the instance's node.

    conflicts_check: whether addresses that are reserved, or of networks that it is not in, are
    refused.  Raises OpPrereqError.
    """
    nic_uuid = str(uuid.uuid4())
    network = network_of(given.get("network"), cluster)
    place = _place_of(given, network, cluster, group)
    mac = mac_from(given.get("mac"), nic_uuid, network, cluster, others)
    claim = Claim(network, mac, cluster, tuple(others), group, conflicts_check)
    nic = Nic(
        name=str(given.get("name") or nic_uuid),
        uuid=nic_uuid,
        mac=mac,
        ip=address_of(given.get("ip"), claim),
        network=None if network is None else network.name,
        mode=place.mode,
        link=link_from(place.link),
        vlan=vlan_from(given.get("vlan"), place.vlan),
    )
    return checked_port(nic, NicPort(), given.get("port"), claim)


def _place_of(
    given: Mapping[str, Any], network: Network | None, cluster: Configuration, group: str
) -> Connection:
    """The network's place in the group; of a NIC in none, what is given, else the cluster's."""
    mode, link = given.get("mode"), given.get("link") or given.get("bridge")
    if network is None:
        inherited = cluster_nicparams(cluster.facts)
        return Connection(group, str(mode or inherited["mode"]), str(link or inherited["link"]))
    if mode or link:
        raise OpPrereqError(
            "If network is given, mode or link can't be set for this interface", WRONG_INPUT
        )
    return place_in(network, group)


def link_from(given: Any) -> str:
    """A link: a bridge's or a routing table's name, "" its network's.  Raises OpPrereqError."""
    if str(given) and not LINK.fullmatch(str(given)):
        raise OpPrereqError(f"Invalid link of a NIC: {str(given)!r}", WRONG_INPUT)
    return str(given)


def vlan_from(given: Any, inherited: str) -> str:
    """A VLAN in Ganeti's notation.  Raises OpPrereqError."""
    if given in {None, ""}:
        return inherited
    try:
        membership(str(given))
    except BadVlan as error:
        raise OpPrereqError(f"Invalid VLAN of a NIC: {error}", WRONG_INPUT) from None
    return str(given)


def place_in(network: Network, group: str) -> Connection:
    """The network's place in a node group.  Raises OpPrereqError where it has none."""
    for each in network.connections:
        if each.group == group:
            return each
    raise OpPrereqError(
        f"No netparams found for network {network.name}. Maybe not connected to node's"
        f" nodegroup ({group})?",
        WRONG_INPUT,
    )


def network_of(wanted: Any, cluster: Configuration) -> Network | None:
    """The network of this name or UUID; None for none.  Raises OpPrereqError."""
    if wanted is None or str(wanted).lower() == "none":
        return None
    for network in cluster.networks.values():
        if wanted in {network.name, network.uuid}:
            return network
    raise OpPrereqError(f"Network '{wanted}' not found", UNKNOWN_ENTITY)


def mac_from(
    given: Any, seed: str, network: Network | None, cluster: Configuration, others: list[Nic]
) -> str:
    """
    The MAC address that is asked for, or a free one.

    seed: the same seed gives the same address if it is free.  Raises OpPrereqError.
    """
    taken = {nic.mac for nic in others}
    if given in {None, "auto", "generate"}:
        prefix = (network.mac_prefix if network else None) or cluster_parameter(
            cluster.facts, "mac_prefix"
        )
        for attempt in range(1000):
            digest = hashlib.sha256(f"{seed}{attempt}".encode()).digest()
            mac = f"{prefix}:{digest[0]:02x}:{digest[1]:02x}:{digest[2]:02x}"
            if mac not in taken and not cluster.has_mac(mac):
                return mac
        raise OpPrereqError("No free MAC address was found", NOT_UNIQUE)
    mac = str(given).lower()
    if not MAC.fullmatch(mac) or int(mac[:2], 16) & 1:
        raise OpPrereqError(f"Invalid MAC address '{given}'", WRONG_INPUT)
    if mac in taken or cluster.has_mac(mac):
        raise OpPrereqError(f"MAC address {mac} already in use in cluster", NOT_UNIQUE)
    return mac

"""
From what the cluster knows of networks and NICs to what a node has to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganetid.cluster.model import Connection, Instance, Network, Nic
from ganetid.cluster.wiring import SecurityGroup
from ganetid.network.ports import (
    BRIDGED,
    LIMITED,
    PROTECTED,
    ROUTED,
    UNPROTECTED,
    GroupPlan,
    NetworkPlan,
    PortPlan,
    Vxlan,
)

VXLAN_LINK = "vxlan:"

# Tags of networks and instances.  Source: snf-network, Synnefo's logic/backend.py.
FILTERED_TAG = "private-filtered"
ROUTED_TAG = "ip-less-routed"
PUBLIC_TAG = "public"
FIREWALL_TAG = "synnefo:network:{nic}:{profile}"


def networks_of(
    networks: Iterable[Network], group: str = "default", peers: tuple[str, ...] = ()
) -> tuple[NetworkPlan, ...]:
    """The networks that a node of this group carries."""
    plans = (network_of(network, group, peers) for network in networks)
    return tuple(plan for plan in plans if plan is not None)


def network_of(
    network: Network, group: str = "default", peers: tuple[str, ...] = ()
) -> NetworkPlan | None:
    """
    The network as a node of `group` carries it, None while it is not connected there.

    peers: addresses of the cluster's other nodes, for ``vxlan:`` links.
    """
    connection = connection_in(network, group)
    if connection is None:
        return None
    options, is_public = network.options, PUBLIC_TAG in network.tags
    is_open, is_hidden = options.open_inwards, options.masquerade
    return NetworkPlan(
        name=network.name,
        link=connection.link,
        mode=connection.mode,
        vlan=connection.vlan,
        subnet=network.subnet,
        gateway=network.gateway,
        subnet6=network.network6,
        gateway6=network.gateway6,
        mtu=options.mtu,
        mac_prefix=network.mac_prefix,
        mac_filtered=FILTERED_TAG in network.tags,
        uplink=options.uplink,
        vxlan=vxlan_of(connection.link, peers),
        dhcp=options.dhcp,
        dns=tuple(each for each in options.dns if ":" not in each),
        dns6=tuple(each for each in options.dns if ":" in each),
        domain=options.domain,
        routes=tuple((each.destination, each.gateway) for each in options.host_routes),
        managed6=options.managed_ipv6,
        masquerade=(
            is_hidden if is_hidden is not None else not is_public and connection.mode == BRIDGED
        ),
        open_inwards=is_open if is_open is not None else is_public or connection.mode == ROUTED,
        node_gateway=options.node_gateway,
        routers=options.reachable_from,
    )


def connection_in(network: Network, group: str) -> Connection | None:
    """The network's place in a node group."""
    return next((each for each in network.connections if each.group == group), None)


def vxlan_of(link: str, peers: tuple[str, ...]) -> Vxlan | None:
    """The overlay that a link such as ``vxlan:77`` names, None for any other link."""
    number = link.removeprefix(VXLAN_LINK)
    if number == link or not number.isdecimal():
        return None
    return Vxlan(int(number), peers)


def ports_of(
    instance: Instance, networks: Mapping[str, Network] | None = None, group: str = "default"
) -> tuple[PortPlan, ...]:
    """The instance's NICs.  networks: for NICs without a link of their own, by name."""
    return tuple(port_of(instance, nic, networks or {}, group) for nic in instance.nics)


def port_of(
    instance: Instance, nic: Nic, networks: Mapping[str, Network], group: str = "default"
) -> PortPlan:
    """One NIC of the instance."""
    network = networks.get(nic.network or "")
    connection = None if network is None else connection_in(network, group)
    inherits = not nic.link and connection is not None
    port = nic.port
    return PortPlan(
        uuid=nic.uuid,
        mac=nic.mac,
        ips=nic.ips,
        network=nic.network,
        mode=connection.mode if connection is not None and inherits else nic.mode,
        link=connection.link if connection is not None and inherits else nic.link,
        vlan=nic.vlan,
        mtu=port.mtu,
        host_name=port.host_name or instance.name,
        guarded=port.port_security,
        pairs=port.allowed_address_pairs,
        firewall=firewall_of(instance, nic),
        groups=port.security_groups if port.port_security else None,
        floating=port.floating_ips,
        dhcp_options=port.dhcp_options,
        instance_uuid=instance.uuid,
    )


def group_of(group: SecurityGroup, members: Iterable[str]) -> GroupPlan:
    """A security group as nodes know it.  members: addresses of its NICs."""
    addresses = sorted({*group.addresses, *members})
    return GroupPlan(group.name, tuple(addresses), group.rules)


def firewall_of(instance: Instance, nic: Nic) -> str | None:
    """The NIC's firewall profile, as the instance's tags say."""
    for profile in (PROTECTED, LIMITED, UNPROTECTED):
        if FIREWALL_TAG.format(nic=nic.name, profile=profile) in instance.tags:
            return profile
    return None

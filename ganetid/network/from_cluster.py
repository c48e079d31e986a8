"""
From what the cluster knows of networks and NICs to what a node has to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve

from ganetid.cluster.model import Connection, Instance, Network, Nic
from ganetid.cluster.subnets import leading_gateway, subnet_with
from ganetid.cluster.wiring import (
    NetworkOptions,
    Router,
    RouterInterface,
    SecurityGroup,
    Subnet,
)
from ganetid.network.names import gateway_mac, router_mac
from ganetid.network.ports import (
    BRIDGED,
    LIMITED,
    PROTECTED,
    ROUTED,
    UNPROTECTED,
    GroupPlan,
    NetworkPlan,
    PortPlan,
    RouterPlan,
    RouterPort,
    SubnetPlan,
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
    plan = NetworkPlan(
        name=network.name,
        link=connection.link,
        mode=connection.mode,
        vlan=connection.vlan,
        subnet=network.subnet,
        gateway=network.gateway,
        subnet6=network.network6,
        gateway6=network.gateway6,
        mac_prefix=network.mac_prefix,
        mac_filtered=FILTERED_TAG in network.tags,
        vxlan=vxlan_of(connection.link, peers),
        uuid=network.uuid,
        tags=network.tags,
    )
    return _with_options(plan, network.options)


def _with_options(plan: NetworkPlan, options: NetworkOptions) -> NetworkPlan:
    """What the options leave open follows from tags and mode."""
    is_public, is_hidden = PUBLIC_TAG in plan.tags, options.masquerade
    if is_hidden is None:
        is_hidden = not is_public and plan.mode == BRIDGED
    is_open = options.open_inwards
    return evolve(
        plan,
        mtu=options.mtu,
        uplink=options.uplink,
        dhcp=options.dhcp,
        dns=tuple(each for each in options.dns if ":" not in each),
        dns6=tuple(each for each in options.dns if ":" in each),
        domain=options.domain,
        routes=tuple((each.destination, each.gateway) for each in options.host_routes),
        managed6=options.managed_ipv6,
        masquerade=is_hidden,
        open_inwards=is_public or plan.mode == ROUTED if is_open is None else is_open,
        node_gateway=options.node_gateway,
        routers=options.reachable_from,
        more=tuple(_subnet(each, options) for each in options.subnets),
    )


def _subnet(subnet: Subnet, options: NetworkOptions) -> SubnetPlan:
    is_six = ":" in subnet.cidr
    return SubnetPlan(
        subnet.cidr,
        subnet.gateway,
        subnet.dhcp and options.dhcp,
        subnet.dns or tuple(each for each in options.dns if (":" in each) == is_six),
        tuple((each.destination, each.gateway) for each in subnet.host_routes),
        subnet.managed_ipv6,
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
        forwards=port.port_forwardings,
        dhcp_options=port.dhcp_options,
        qos=port.qos,
        instance_uuid=instance.uuid,
        instance=instance.name,
        name=None if nic.name == nic.uuid else nic.name,
        index=next((i for i, each in enumerate(instance.nics) if each.uuid == nic.uuid), None),
        tags=instance.tags,
        queues=queues_of(instance),
    )


def queues_of(instance: Instance) -> int:
    """How many pairs of queues its NICs have, as its hypervisor's parameters say."""
    if instance.hvparams.get("nic_type", "paravirtual") != "paravirtual":
        return 1
    return int(instance.hvparams.get("virtio_net_queues", 1))


def group_of(group: SecurityGroup, members: Iterable[str]) -> GroupPlan:
    """A security group as nodes know it.  members: addresses of its NICs."""
    addresses = sorted({*group.addresses, *members})
    return GroupPlan(group.name, tuple(addresses), group.rules)


def router_of(router: Router, networks: Mapping[str, Network]) -> RouterPlan:
    """The router as its node makes it.  networks: by name, those that it is in among them."""
    external, snat = router.external, None
    if external is not None and router.snat:
        snat = next((each for each in external.ips if ":" not in each), None)
    ways = () if external is None else _ways_out(external, networks[external.network])
    return RouterPlan(
        name=router.name,
        uuid=router.uuid,
        interfaces=tuple(_router_port(router, each, networks) for each in router.interfaces),
        external=None if external is None else _router_port(router, external, networks),
        gateways=ways,
        snat=snat,
        floating=router.floating_ips,
        forwards=router.port_forwardings,
        routes=tuple((each.destination, each.gateway) for each in router.routes),
    )


def _ways_out(external: RouterInterface, network: Network) -> tuple[str, ...]:
    """Of each IP version the gateway of the first of its subnets that has another's."""
    found: dict[bool, str] = {}
    for each in external.ips:
        subnet = subnet_with(network, each)
        if subnet is not None and subnet.gateway and subnet.gateway not in external.ips:
            found.setdefault(":" in each, subnet.gateway)
    return tuple(found[each] for each in sorted(found))


def _router_port(
    router: Router, place: RouterInterface, networks: Mapping[str, Network]
) -> RouterPort:
    network = networks[place.network]
    mac = (
        gateway_mac(network.name, network.mac_prefix)
        if leading_gateway(network) in place.ips
        else router_mac(router.uuid, network.name, network.mac_prefix)
    )
    return RouterPort(network.name, mac, tuple(_with_length(each, network) for each in place.ips))


def _with_length(address: str, network: Network) -> str:
    subnet = subnet_with(network, address)
    length = 128 if ":" in address else 32
    return f"{address}/{length if subnet is None else subnet.cidr.partition('/')[2]}"


def firewall_of(instance: Instance, nic: Nic) -> str | None:
    """The NIC's firewall profile, as the instance's tags say."""
    for profile in (PROTECTED, LIMITED, UNPROTECTED):
        if FIREWALL_TAG.format(nic=nic.name, profile=profile) in instance.tags:
            return profile
    return None

"""
What the cluster knows of networks beyond Ganeti's parameters: ports of NICs, options of networks,
security groups and routers.

Names are those of the remote API's bodies.
"""

from __future__ import annotations

from attrs import frozen

from ganetid.network.ports import (
    NO_LIMITS,
    AddressPair,
    DhcpOption,
    FloatingAddress,
    NicQos,
    PortForward,
    SecurityRule,
    public_addresses,
)


@frozen
class HostRoute:
    """A way to `destination` (a CIDR) by the router `gateway`, both of one version."""

    destination: str
    gateway: str


@frozen
class NicPort:
    """
    What a NIC has beside Ganeti's parameters.

    ips: its addresses beside `Nic.ip`, of both versions.
    security_groups: by name; None: not filtered, and empty: nothing gets in or out but answers.
    port_security: off, it may send under any address and is not filtered.
    """

    ips: tuple[str, ...] = ()
    security_groups: tuple[str, ...] | None = None
    port_security: bool = True
    allowed_address_pairs: tuple[AddressPair, ...] = ()
    floating_ips: tuple[FloatingAddress, ...] = ()
    port_forwardings: tuple[PortForward, ...] = ()
    dhcp_options: tuple[DhcpOption, ...] = ()
    qos: NicQos = NO_LIMITS
    host_name: str | None = None
    mtu: int | None = None


@frozen
class Subnet:
    """
    A subnet of a network.

    gateway: an address of it; None: it has no way out.  dhcp: whether guests are told of it.
    dns, host_routes: what they are told; without `dns` the network's.
    managed_ipv6: its addresses come by DHCPv6 and not from the prefix.
    """

    cidr: str
    gateway: str | None = None
    dhcp: bool = True
    dns: tuple[str, ...] = ()
    host_routes: tuple[HostRoute, ...] = ()
    managed_ipv6: bool = False


@frozen
class NetworkOptions:
    """
    How a network is carried, beside Ganeti's parameters.

    subnets: beside Ganeti's `network` and `network6`.
    uplink: an interface of the nodes that is a port of its bridge.
    node_gateway: whether nodes themselves have the gateways' addresses; else a router has, or
    something on the other side of the uplink.
    masquerade, open_inwards: None: as the network's tags and mode say; see NetworkPlan.
    managed_ipv6: addresses come by DHCPv6 and not from the prefix.
    reachable_from: networks whose guests reach this one's through the node.
    """

    mtu: int | None = None
    dns: tuple[str, ...] = ()
    domain: str | None = None
    host_routes: tuple[HostRoute, ...] = ()
    dhcp: bool = True
    managed_ipv6: bool = False
    uplink: str | None = None
    node_gateway: bool = True
    masquerade: bool | None = None
    open_inwards: bool | None = None
    reachable_from: tuple[str, ...] = ()
    subnets: tuple[Subnet, ...] = ()


@frozen
class SecurityGroup:
    """
    Rules that NICs share.  addresses: that count as members' where a rule names the group, beside
    those of its NICs.
    """

    name: str
    uuid: str
    ctime: float
    mtime: float
    rules: tuple[SecurityRule, ...] = ()
    addresses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    serial_no: int = 1


@frozen
class RouterInterface:
    """A router's place in a network (by name), under these addresses of it."""

    network: str
    ips: tuple[str, ...]


@frozen
class Router:
    """
    A router between networks.

    group, node: where it is; networks it joins have to be connected to the group.
    external: the way out.  snat: whether guests are seen there under its first IPv4 address.
    floating_ips: public addresses of `external`, each translated to a private one behind it.
    port_forwardings: the same for single ports.
    """

    name: str
    uuid: str
    ctime: float
    mtime: float
    group: str
    node: str
    interfaces: tuple[RouterInterface, ...] = ()
    external: RouterInterface | None = None
    snat: bool = True
    floating_ips: tuple[FloatingAddress, ...] = ()
    port_forwardings: tuple[PortForward, ...] = ()
    routes: tuple[HostRoute, ...] = ()
    tags: tuple[str, ...] = ()
    serial_no: int = 1

    @property
    def places(self) -> tuple[RouterInterface, ...]:
        """Where it is, the way out among it."""
        return (*self.interfaces, *((self.external,) if self.external else ()))

    def addresses_in(self, network: str) -> tuple[str, ...]:
        """What it occupies of a network's addresses."""
        own = [ip for each in self.places if each.network == network for ip in each.ips]
        if self.external is not None and self.external.network == network:
            own += public_addresses(self.floating_ips, self.port_forwardings)
        return tuple(dict.fromkeys(own))

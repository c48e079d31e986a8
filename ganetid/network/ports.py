"""
What a node has to know of networks and NICs: frozen values that go over the node RPC as they are.

A node answers DHCP, keeps its packet rules and serves metadata from these alone; it keeps them on
its own disk.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from attrs import field, frozen

BRIDGED = "bridged"
ROUTED = "routed"

PROTECTED = "protected"
LIMITED = "limited"
UNPROTECTED = "unprotected"

INWARDS = "in"
OUTWARDS = "out"


@frozen
class Vxlan:
    """
    An overlay that joins a network's bridges on several nodes.

    vni: 1 to 16777215.  peers: addresses of the cluster's other nodes.  local: this node's own
    address, the sender of what it sends; None: as routed.
    """

    vni: int
    peers: tuple[str, ...] = ()
    local: str | None = None
    port: int = 4789


@frozen
class SubnetPlan:
    """
    A subnet of a network, as NetworkPlan tells of its first ones.

    routes, managed: `routes`, `managed6`.
    """

    cidr: str
    gateway: str | None = None
    dhcp: bool = True
    dns: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    managed: bool = False

    @property
    def is_six(self) -> bool:
        """Whether it is of IPv6."""
        return ":" in self.cidr

    def holds(self, address: str) -> bool:
        """Whether the address is of it."""
        return ipaddress.ip_address(address) in ipaddress.ip_network(self.cidr, strict=False)


@frozen
class NetworkPlan:
    """
    A network as one node carries it.

    mode: bridged or routed.  link: bridge or, routed, routing table; networks may share one.
    vlan: Ganeti's ``.10``, ``:10:20`` or ``.10:20``, of NICs that name none.
    mac_prefix: with `mac_filtered` (Synnefo's MAC_FILTERED), how all its MAC addresses begin.
    uplink: an interface of the node that is a port of the bridge.
    dns, dns6, domain: what DHCP and router advertisements tell; empty `dns`: the node's setting.
    routes: (destination, gateway) that DHCP tells.
    managed6: IPv6 addresses come by DHCPv6 and not from the prefix.
    masquerade: guests reach the outside under the node's address, where there is a gateway.
    open_inwards: the outside may begin connections to guests under the guests' own addresses.
    node_gateway: whether the node has the gateways' addresses; else who has, is on the link.
    uuid, tags: what scripts are told.
    routers: networks whose guests may reach this one's through the node, by name.
    more: subnets beside `subnet` and `subnet6`.
    """

    name: str
    link: str
    mode: str = BRIDGED
    vlan: str = ""
    subnet: str | None = None
    gateway: str | None = None
    subnet6: str | None = None
    gateway6: str | None = None
    mtu: int | None = None
    mac_prefix: str | None = None
    mac_filtered: bool = False
    uplink: str | None = None
    vxlan: Vxlan | None = None
    dhcp: bool = True
    dns: tuple[str, ...] = ()
    dns6: tuple[str, ...] = ()
    domain: str | None = None
    routes: tuple[tuple[str, str], ...] = ()
    managed6: bool = False
    masquerade: bool = True
    open_inwards: bool = False
    node_gateway: bool = True
    routers: tuple[str, ...] = ()
    uuid: str = ""
    tags: tuple[str, ...] = ()
    more: tuple[SubnetPlan, ...] = ()

    @property
    def subnets4(self) -> tuple[SubnetPlan, ...]:
        """All its subnets of IPv4."""
        more = tuple(each for each in self.more if not each.is_six)
        if self.subnet is None:
            return more
        return (SubnetPlan(self.subnet, self.gateway, self.dhcp, self.dns, self.routes), *more)

    @property
    def subnets6(self) -> tuple[SubnetPlan, ...]:
        """All its subnets of IPv6."""
        more = tuple(each for each in self.more if each.is_six)
        if self.subnet6 is None:
            return more
        own = SubnetPlan(self.subnet6, self.gateway6, self.dhcp, self.dns6, managed=self.managed6)
        return (own, *more)


@frozen
class AddressPair:
    """More addresses that a NIC may send under: a CIDR, and a MAC address if not the NIC's own."""

    cidr: str
    mac: str | None = None


@frozen
class SecurityRule:
    """
    Something that a security group allows.

    direction: in or out.  ethertype: ipv4 or ipv6.  protocol: tcp, udp, sctp, icmp, icmpv6 or a
    number; None is any.  port_min, port_max: inclusive; of icmp the type and the code.
    remote: a CIDR.  remote_group: name of a GroupPlan.  Neither: anybody.
    """

    direction: str
    ethertype: str = "ipv4"
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote: str | None = None
    remote_group: str | None = None


@frozen
class GroupPlan:
    """
    A security group as nodes know it.

    addresses: of its members, both versions; what a rule that names the group lets in.
    rules: of all NICs that are in it.
    """

    name: str
    addresses: tuple[str, ...] = ()
    rules: tuple[SecurityRule, ...] = ()


@frozen
class FloatingAddress:
    """
    A public IPv4 address of a NIC.

    private: the NIC's own address that it is translated to, one to one.  None: the guest has the
    public address itself and the node routes it there.
    """

    public: str
    private: str | None = None


@frozen
class PortForward:
    """
    A port of a public IPv4 address, and the inner address and port that it leads to.

    protocol: tcp or udp.
    """

    public: str
    protocol: str
    port: int
    private: str
    private_port: int


def public_addresses(
    floating: Iterable[FloatingAddress], forwards: Iterable[PortForward]
) -> tuple[str, ...]:
    """The addresses of both, each once."""
    whole = dict.fromkeys(each.public for each in floating)
    return tuple(whole | dict.fromkeys(each.public for each in forwards))


@frozen
class DhcpOption:
    """
    One more option that DHCP tells a guest, by its number or its name.

    value: addresses, a number or a text, as the option wants it; ``hex:0aff`` for any bytes.
    name: as dnsmasq calls it; ``server-ip-address`` is the server to boot from.
    ip_version: 4 or 6, of DHCP.
    """

    value: str
    number: int | None = None
    name: str | None = None
    ip_version: int = 4


@frozen
class NicQos:
    """
    How much a NIC may send (egress) and get (ingress), and how its packets are marked.

    *_kbps: 1000 bits a second.  *_burst_kbit: that may pass at once; None: 0.8 s of it.
    dscp: 0 to 63, of all IP packets that it sends.  min_*: what it is promised; kept, not enforced.
    """

    egress_kbps: int | None = None
    egress_burst_kbit: int | None = None
    ingress_kbps: int | None = None
    ingress_burst_kbit: int | None = None
    dscp: int | None = None
    min_egress_kbps: int | None = None
    min_ingress_kbps: int | None = None


NO_LIMITS = NicQos()


@frozen
class PortPlan:
    """
    A NIC as one node makes it.

    ips: of both versions; the first IPv4 address is the one that DHCP gives.  With none the NIC
    may use any.  network: name of a NetworkPlan.  link, vlan: its own, else the network's.
    guarded: whether it is kept from sending under others' addresses.
    firewall: Synnefo's profile, None for none.
    groups, rules: names of GroupPlans, and rules of its own, each allowing something; both None:
    not filtered, and empty: nothing is allowed but answers.
    instance_uuid: what its guest is to metadata.  queues: pairs of them, for several processors.
    """

    uuid: str
    mac: str
    ips: tuple[str, ...] = ()
    network: str | None = None
    mode: str = BRIDGED
    link: str = ""
    vlan: str = ""
    mtu: int | None = None
    host_name: str | None = None
    guarded: bool = True
    pairs: tuple[AddressPair, ...] = ()
    firewall: str | None = None
    rules: tuple[SecurityRule, ...] | None = None
    groups: tuple[str, ...] | None = None
    floating: tuple[FloatingAddress, ...] = ()
    forwards: tuple[PortForward, ...] = ()
    dhcp_options: tuple[DhcpOption, ...] = ()
    qos: NicQos = NO_LIMITS
    instance_uuid: str = ""
    instance: str | None = None
    name: str | None = None
    index: int | None = None
    tags: tuple[str, ...] = ()
    queues: int = 1

    @property
    def public(self) -> tuple[str, ...]:
        """Public addresses that the node answers for."""
        return public_addresses(self.floating, self.forwards)

    @property
    def ip(self) -> str | None:
        """Its first IPv4 address."""
        return next(iter(self.ips4), None)

    @property
    def ips4(self) -> tuple[str, ...]:
        """Its IPv4 addresses."""
        return tuple(each for each in self.ips if ":" not in each)

    @property
    def ips6(self) -> tuple[str, ...]:
        """Its IPv6 addresses."""
        return tuple(each for each in self.ips if ":" in each)


@frozen
class RouterPort:
    """A router's interface.  network: a NetworkPlan's name.  addresses: with prefix lengths."""

    network: str
    mac: str
    addresses: tuple[str, ...] = ()


@frozen
class RouterPlan:
    """
    A router as the node that has it makes it.

    external: its way out; gateways: the next routers there, at most one of each version.
    snat: the address that guests are seen under there; None: under their own.
    floating: public addresses there, and the private ones behind the router that they lead to.
    forwards: the same for single ports.
    routes: (destination, gateway).
    """

    name: str
    uuid: str
    interfaces: tuple[RouterPort, ...] = ()
    external: RouterPort | None = None
    gateways: tuple[str, ...] = ()
    snat: str | None = None
    floating: tuple[FloatingAddress, ...] = ()
    forwards: tuple[PortForward, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()

    @property
    def public(self) -> tuple[str, ...]:
        """The addresses of both."""
        return public_addresses(self.floating, self.forwards)

    @property
    def all_ports(self) -> tuple[RouterPort, ...]:
        """Its interfaces, the way out among them."""
        return (*self.interfaces, *((self.external,) if self.external else ()))


@frozen
class Plugged:
    """
    An instance's NICs on a node, as the node keeps them.

    numbers: of each NIC by its UUID, 1 to 65534, unique on the node.
    metadata: what its metadata service answers, by path.
    """

    instance: str
    ports: tuple[PortPlan, ...] = ()
    numbers: dict[str, int] = field(factory=dict)
    metadata: dict[str, bytes] = field(factory=dict)

"""
DHCPv4, sans I/O: messages, and what to answer from a NIC's binding.

Source: RFC 2131, RFC 2132.  There is no lease database: the binding is the lease.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping

from attrs import evolve, field, frozen

HEADER = struct.Struct("!BBBB4sHH4s4s4s4s16s64s128s4s")
COOKIE = b"\x63\x82\x53\x63"
BOOTREQUEST, BOOTREPLY = 1, 2
ETHERNET = 1
MAX_HOPS = 16
SMALLEST_REPLY = 300  # what BOOTP clients expect

PAD, END = 0, 255
NETMASK, ROUTER, DNS, HOST_NAME, DOMAIN, MTU, ROUTES = 1, 3, 6, 12, 15, 26, 121
REQUESTED, LEASE, OVERLOAD, KIND, SERVER = 50, 51, 52, 53, 54
RENEWAL, REBINDING = 58, 59
TFTP_SERVER, BOOTFILE = 66, 67

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)

ZERO = "0.0.0.0"


class NotDhcp(Exception):
    """A datagram that is no DHCP message."""


@frozen
class DhcpMessage:
    """
    A DHCP message.  Addresses are dotted text, mac is colon-separated lower case.

    options: raw values by number, without pad and end.
    server_name, file: raw, of what to boot; at most 64 and 128 bytes.
    """

    op: int
    xid: int
    mac: str
    flags: int = 0
    secs: int = 0
    hops: int = 0
    ciaddr: str = ZERO
    yiaddr: str = ZERO
    siaddr: str = ZERO
    giaddr: str = ZERO
    options: Mapping[int, bytes] = field(factory=dict)
    server_name: bytes = b""
    file: bytes = b""

    @property
    def kind(self) -> int | None:
        """DISCOVER, OFFER and so on; None in a plain BOOTP message."""
        value = self.options.get(KIND, b"")
        return value[0] if len(value) == 1 else None

    def address(self, option: int) -> str | None:
        """An option that is one address, None when it is absent or malformed."""
        value = self.options.get(option, b"")
        return str(ipaddress.IPv4Address(value)) if len(value) == 4 else None


@frozen
class Lease:
    """
    What a NIC is told; seconds for the time, all else as in its network.

    routes: (destination, gateway), gateway 0.0.0.0 for what is on the link; with any, clients
    ignore `router` (RFC 3442), so the way out is told among them too.
    more: further options by number, instead of what is said here.
    next_server: where to boot from (RFC 2131: siaddr).
    """

    address: str
    subnet: str
    server: str
    router: str | None = None
    dns: tuple[str, ...] = ()
    host_name: str | None = None
    lease_s: int = 3600
    mtu: int | None = None
    domain: str | None = None
    routes: tuple[tuple[str, str], ...] = ()
    more: Mapping[int, bytes] = field(factory=dict)
    next_server: str | None = None


@frozen
class Reply:
    """A message, and the address that it goes to (port 68)."""

    message: DhcpMessage
    destination: str


def decode(datagram: bytes) -> DhcpMessage:
    """The message in a datagram.  Raises NotDhcp."""
    if len(datagram) < HEADER.size:
        raise NotDhcp("too short")
    (op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname,
     file, cookie) = HEADER.unpack_from(datagram)  # fmt: skip
    if htype != ETHERNET or hlen != 6 or cookie != COOKIE or op not in {BOOTREQUEST, BOOTREPLY}:
        raise NotDhcp("not DHCP over Ethernet")
    return DhcpMessage(
        op=op,
        xid=int.from_bytes(xid, "big"),
        mac=":".join(f"{byte:02x}" for byte in chaddr[:6]),
        flags=flags,
        secs=secs,
        hops=hops,
        ciaddr=str(ipaddress.IPv4Address(ciaddr)),
        yiaddr=str(ipaddress.IPv4Address(yiaddr)),
        siaddr=str(ipaddress.IPv4Address(siaddr)),
        giaddr=str(ipaddress.IPv4Address(giaddr)),
        options=_decode_options(datagram[HEADER.size :]),
        server_name=sname.rstrip(b"\0"),
        file=file.rstrip(b"\0"),
    )


def encode(message: DhcpMessage) -> bytes:
    """The message as a datagram.  An option of over 255 bytes is split as RFC 3396 says."""
    header = HEADER.pack(
        message.op,
        ETHERNET,
        6,
        message.hops,
        message.xid.to_bytes(4, "big"),
        message.secs,
        message.flags,
        ipaddress.IPv4Address(message.ciaddr).packed,
        ipaddress.IPv4Address(message.yiaddr).packed,
        ipaddress.IPv4Address(message.siaddr).packed,
        ipaddress.IPv4Address(message.giaddr).packed,
        bytes.fromhex(message.mac.replace(":", "")),
        message.server_name,
        message.file,
        COOKIE,
    )
    body = bytearray(header)
    for number, value in message.options.items():
        for start in range(0, max(len(value), 1), 255):
            part = value[start : start + 255]
            body += bytes((number, len(part))) + part
    body.append(END)
    return bytes(body.ljust(SMALLEST_REPLY, b"\0"))


def answer(message: DhcpMessage, lease: Lease) -> Reply | None:
    """
    What the server says to a client whose NIC is bound to `lease`, None for nothing.

    A request for another address is refused, and one that names another server is left to that.
    """
    if message.op != BOOTREQUEST or message.giaddr != ZERO:
        return None
    if message.kind == DISCOVER:
        return _to(message, _granted(message, lease, OFFER))
    if message.kind == REQUEST:
        server = message.address(SERVER)
        if server is not None and server != lease.server:
            return None
        wanted = message.address(REQUESTED) or message.ciaddr
        if wanted != lease.address:
            return Reply(_reply(message, lease, NAK, {}), "255.255.255.255")
        return _to(message, _granted(message, lease, ACK))
    if message.kind == INFORM:
        options = _configuration(lease)
        return Reply(_reply(message, lease, ACK, options), message.ciaddr)
    return None


def _granted(message: DhcpMessage, lease: Lease, kind: int) -> DhcpMessage:
    options = {
        LEASE: lease.lease_s.to_bytes(4, "big"),
        RENEWAL: (lease.lease_s // 2).to_bytes(4, "big"),
        REBINDING: (lease.lease_s * 7 // 8).to_bytes(4, "big"),
        **_configuration(lease),
    }
    reply = _reply(message, lease, kind, options)
    return evolve(
        reply,
        yiaddr=lease.address,
        siaddr=lease.next_server or ZERO,
        server_name=_fitting(options.get(TFTP_SERVER, b""), 64),
        file=_fitting(options.get(BOOTFILE, b""), 128),
    )


def _fitting(value: bytes, size: int) -> bytes:
    """Old boot programs read the fields and not the options; they end with a zero."""
    return value if len(value) < size else b""


def _reply(
    message: DhcpMessage, lease: Lease, kind: int, options: Mapping[int, bytes]
) -> DhcpMessage:
    return DhcpMessage(
        op=BOOTREPLY,
        xid=message.xid,
        mac=message.mac,
        flags=message.flags,
        ciaddr=message.ciaddr if kind == ACK else ZERO,
        options={
            KIND: bytes((kind,)),
            SERVER: ipaddress.IPv4Address(lease.server).packed,
            **options,
        },
    )


def _configuration(lease: Lease) -> dict[int, bytes]:
    options = {NETMASK: ipaddress.IPv4Network(lease.subnet).netmask.packed}
    if lease.router is not None:
        options[ROUTER] = ipaddress.IPv4Address(lease.router).packed
    if lease.dns:
        options[DNS] = b"".join(ipaddress.IPv4Address(each).packed for each in lease.dns)
    if lease.host_name:
        options[HOST_NAME] = lease.host_name.encode("ascii", "ignore")[:63]
    if lease.domain:
        options[DOMAIN] = lease.domain.encode("ascii", "ignore")[:253]
    if lease.mtu is not None:
        options[MTU] = lease.mtu.to_bytes(2, "big")
    if lease.routes:
        way_out = [] if lease.router is None else [("0.0.0.0/0", lease.router)]
        options[ROUTES] = b"".join(route_value(*each) for each in (*lease.routes, *way_out))
    return {**options, **lease.more}


def route_value(destination: str, gateway: str) -> bytes:
    """
    A classless static route (RFC 3442): only the destination's significant bytes.

    Raises ValueError.
    """
    network = ipaddress.IPv4Network(destination)
    significant = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return bytes((network.prefixlen,)) + significant + ipaddress.IPv4Address(gateway).packed


def _to(message: DhcpMessage, reply: DhcpMessage) -> Reply:
    """A client that has its address gets the reply there, any other by broadcast."""
    if message.ciaddr != ZERO:
        return Reply(reply, message.ciaddr)
    return Reply(reply, "255.255.255.255")


def _decode_options(data: bytes) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        number = data[position]
        position += 1
        if number == END:
            break
        if number == PAD:
            continue
        if position >= len(data):
            raise NotDhcp("an option without length")
        size = data[position]
        value = data[position + 1 : position + 1 + size]
        if len(value) != size:
            raise NotDhcp("an option is cut off")
        options[number] = options.get(number, b"") + value
        position += 1 + size
    return options

"""
DHCPv6, sans I/O: messages, and what to answer from a NIC's binding.

Source: RFC 8415, RFC 3646 (DNS).  As in DHCPv4 the binding is the lease; relays are not served.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

from attrs import frozen

SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = range(1, 10)
INFORMATION_REQUEST = 11

CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS = 1, 2, 3, 5
STATUS, RAPID_COMMIT, DNS, DOMAIN = 13, 14, 23, 24

SUCCESS, NO_ADDRESS, NO_BINDING, NOT_ON_LINK = 0, 2, 3, 4

_OPTION = struct.Struct("!HH")
_IA = struct.Struct("!III")
_ADDRESS = struct.Struct("!16sII")


class NotDhcp6(Exception):
    """A datagram that is no DHCPv6 message of a client."""


@frozen
class Dhcp6Message:
    """A message; options: (number, raw value) in order, a number may come twice."""

    kind: int
    transaction: int
    options: tuple[tuple[int, bytes], ...] = ()

    def option(self, number: int) -> bytes | None:
        """The first option of this number."""
        return next((value for each, value in self.options if each == number), None)


@frozen
class Binding6:
    """
    What a NIC is told.  server: the server's DUID, raw.  address: None: it makes its own.

    more: further options, (number, raw value), instead of what is said here.
    """

    server: bytes
    address: str | None = None
    dns: tuple[str, ...] = ()
    domain: str | None = None
    lease_s: int = 3600
    more: tuple[tuple[int, bytes], ...] = ()


def decode(datagram: bytes) -> Dhcp6Message:
    """The message in a datagram.  Raises NotDhcp6."""
    if len(datagram) < 4 or not SOLICIT <= datagram[0] <= INFORMATION_REQUEST:
        raise NotDhcp6("not a message of DHCPv6")
    options = tuple(_options(datagram[4:]))
    return Dhcp6Message(datagram[0], int.from_bytes(datagram[1:4], "big"), options)


def encode(message: Dhcp6Message) -> bytes:
    """The message as a datagram."""
    head = bytes((message.kind,)) + message.transaction.to_bytes(3, "big")
    return head + _spelt(message.options)


def server_duid(mac: str) -> bytes:
    """A DUID made of a link-layer address (DUID-LL)."""
    return struct.pack("!HH", 3, 1) + bytes.fromhex(mac.replace(":", ""))


def answer(message: Dhcp6Message, binding: Binding6) -> Dhcp6Message | None:
    """What the server says to the client of this binding, None for nothing."""
    client, server = message.option(CLIENT_ID), message.option(SERVER_ID)
    if message.kind != INFORMATION_REQUEST and client is None:
        return None
    if server is not None and server != binding.server:
        return None
    if message.kind in {REQUEST, RENEW, RELEASE, DECLINE} and server is None:
        return None
    body = _body(message, binding)
    if body is None:
        return None
    kind = REPLY
    if message.kind == SOLICIT:
        rapid = message.option(RAPID_COMMIT) is not None
        kind = REPLY if rapid else ADVERTISE
        body += [(RAPID_COMMIT, b"")] if rapid else []
    ids = [(SERVER_ID, binding.server), *([(CLIENT_ID, client)] if client is not None else [])]
    return Dhcp6Message(kind, message.transaction, (*ids, *body))


def _body(message: Dhcp6Message, binding: Binding6) -> list[tuple[int, bytes]] | None:
    match message.kind:
        case 1 | 3 | 5 | 6:
            asked = [value for number, value in message.options if number == IA_NA]
            return [*(_granted(value, binding) for value in asked), *_configuration(binding)]
        case 4:
            return [(STATUS, _status(_confirmed(message, binding)))]
        case 8 | 9:
            return [(STATUS, _status(SUCCESS))]
        case 11:
            return _configuration(binding)
    return None


def _granted(asked: bytes, binding: Binding6) -> tuple[int, bytes]:
    identifier = asked[:4].ljust(4, b"\0")
    if binding.address is None:
        inner = _spelt([(STATUS, _status(NO_ADDRESS))])
        return IA_NA, identifier + bytes(8) + inner
    lease = binding.lease_s
    address = ipaddress.IPv6Address(binding.address).packed
    inner = _spelt([(IA_ADDRESS, _ADDRESS.pack(address, lease, lease))])
    times = struct.pack("!II", lease // 2, lease * 4 // 5)
    return IA_NA, identifier + times + inner


def _confirmed(message: Dhcp6Message, binding: Binding6) -> int:
    """Whether all addresses that the client believes in are its own."""
    for number, value in message.options:
        if number != IA_NA or len(value) < _IA.size:
            continue
        for inner, raw in _options(value[_IA.size :]):
            if inner == IA_ADDRESS and str(ipaddress.IPv6Address(raw[:16])) != binding.address:
                return NOT_ON_LINK
    return SUCCESS


def _configuration(binding: Binding6) -> list[tuple[int, bytes]]:
    options = []
    if binding.dns:
        packed = b"".join(ipaddress.IPv6Address(each).packed for each in binding.dns)
        options.append((DNS, packed))
    if binding.domain:
        options.append((DOMAIN, domain_name(binding.domain)))
    told = {number for number, _ in binding.more}
    return [*(each for each in options if each[0] not in told), *binding.more]


def domain_name(domain: str) -> bytes:
    """A domain name as DNS writes it (RFC 1035)."""
    labels = [label.encode("ascii", "ignore")[:63] for label in domain.strip(".").split(".")]
    return b"".join(bytes((len(label),)) + label for label in labels if label) + b"\0"


def _status(code: int) -> bytes:
    return struct.pack("!H", code)


def _spelt(options: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(_OPTION.pack(number, len(value)) + value for number, value in options)


def _options(data: bytes) -> Iterable[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        if len(data) - position < _OPTION.size:
            raise NotDhcp6("an option without length")
        number, size = _OPTION.unpack_from(data, position)
        position += _OPTION.size
        value = data[position : position + size]
        if len(value) != size:
            raise NotDhcp6("an option is cut off")
        if number == IA_ADDRESS and size < _ADDRESS.size:
            raise NotDhcp6("an address is cut off")
        yield number, value
        position += size

"""
Values of DHCPv6's options, from the text that a user gives.

Source: RFC 3646 (23, 24), RFC 4075 (31), RFC 4242 (32), RFC 5908 (56), RFC 5970 (59, 60); IANA's
list for the rest.  Names are those of dnsmasq.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Mapping

from ganetid.network.ports import DhcpOption
from ganetid.network.wire.dhcp_options import (
    LONGEST,
    RAW,
    domains_value,
    number_value,
    option_number,
    parts,
)

NTP, BOOT_PARAMETERS = 56, 60
NTP_ADDRESS = 1
NAMES: Mapping[str, int] = {
    "sip-server-domain": 21,
    "sip-server": 22,
    "dns-server": 23,
    "domain-search": 24,
    "nis-server": 27,
    "nis-domain": 29,
    "sntp-server": 31,
    "information-refresh-time": 32,
    "ntp-server": NTP,
    "bootfile-url": 59,
    "bootfile-param": BOOT_PARAMETERS,
}
ADDRESSES = frozenset({22, 23, 27, 28, 31})
DOMAINS = frozenset({21, 24, 29, 30})
NUMBERS = {32: 4}
OURS = frozenset({*range(15), 18, 19, 20, 25, 26})  # the protocol's own


def option6_value(option: DhcpOption) -> tuple[int, bytes]:
    """The option's number and bytes.  Raises ValueError for a value that it can't have."""
    number = option_number(option, NAMES)
    if not 0 < number < 1 << 16 or number in OURS:
        raise ValueError(f"DHCPv6 option {number} can't be set")
    value = _value(number, option.value)
    if not 0 < len(value) <= LONGEST:
        raise ValueError(f"a DHCP option has 1 to {LONGEST} bytes")
    return number, value


def _value(number: int, text: str) -> bytes:
    if text.startswith(RAW):
        return bytes.fromhex(text.removeprefix(RAW))
    if number in ADDRESSES:
        return b"".join(_addresses(text))
    if number in DOMAINS:
        return domains_value(text)
    if number in NUMBERS:
        return number_value(text, NUMBERS[number], f"DHCPv6 option {number}")
    if number == NTP:
        return b"".join(struct.pack("!HH", NTP_ADDRESS, 16) + each for each in _addresses(text))
    if number == BOOT_PARAMETERS:
        words = (each.encode("utf-8") for each in parts(text))
        return b"".join(struct.pack("!H", len(each)) + each for each in words)
    return text.encode("utf-8")


def _addresses(text: str) -> Iterable[bytes]:
    """dnsmasq's users write them between brackets."""
    return (ipaddress.IPv6Address(each.strip("[]")).packed for each in parts(text))

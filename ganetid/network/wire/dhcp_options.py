"""
Values of DHCPv4's options, from the text that a user gives.

Source: RFC 2132; RFC 3397 (119), RFC 3442 (121), RFC 5859 (150).  Names are those of dnsmasq, which
Neutron's users know.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from ganetid.network.ports import DhcpOption
from ganetid.network.wire.dhcp import (
    BOOTFILE,
    DNS,
    DOMAIN,
    HOST_NAME,
    MTU,
    ROUTER,
    ROUTES,
    TFTP_SERVER,
    route_value,
)
from ganetid.network.wire.dhcp6 import domain_name

RAW = "hex:"
SEARCH, TFTP_ADDRESSES = 119, 150
NEXT_SERVER = "server-ip-address"  # no option, but a field of the message
NAMES: Mapping[str, int] = {
    "router": ROUTER,
    "time-server": 4,
    "dns-server": DNS,
    "log-server": 7,
    "lpr-server": 9,
    "hostname": HOST_NAME,
    "boot-file-size": 13,
    "domain-name": DOMAIN,
    "swap-server": 16,
    "root-path": 17,
    "extension-path": 18,
    "default-ttl": 23,
    "mtu": MTU,
    "static-route": 33,
    "nis-domain": 40,
    "nis-server": 41,
    "ntp-server": 42,
    "vendor-encap": 43,
    "netbios-ns": 44,
    "tftp-server": TFTP_SERVER,
    "bootfile-name": BOOTFILE,
    "smtp-server": 69,
    "domain-search": SEARCH,
    "classless-static-route": ROUTES,
    "tftp-server-address": TFTP_ADDRESSES,
}
ADDRESSES = frozenset(
    (*range(3, 12), 16, 21, 28, 32, 33, 41, 42, 44, 45, 48, 49, 65, *range(68, 77), TFTP_ADDRESSES)
)
NUMBERS = {
    **dict.fromkeys((19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46), 1),
    **dict.fromkeys((13, 22, 26), 2),
    **dict.fromkeys((2, 24, 35, 38), 4),
}
OURS = frozenset({0, 1, *range(50, 60), 61, 82, 255})  # the protocol's own, and the netmask
LONGEST = 1024


def option_number(option: DhcpOption, names: Mapping[str, int]) -> int:
    """The option's number, which may be given by name.  Raises ValueError."""
    if option.number is not None and option.name is not None:
        raise ValueError("a DHCP option has a number or a name, not both")
    if option.name is None:
        if option.number is None:
            raise ValueError("a DHCP option has a number or a name")
        return option.number
    if option.name.isdecimal():
        return int(option.name)
    if option.name not in names:
        raise ValueError(f"'{option.name}' is no DHCPv{option.ip_version} option's name")
    return names[option.name]


def option_value(option: DhcpOption) -> tuple[int, bytes]:
    """The option's number and bytes.  Raises ValueError for a value that it can't have."""
    number = option_number(option, NAMES)
    if not 0 < number < 255 or number in OURS:
        raise ValueError(f"DHCP option {number} can't be set")
    value = _value(number, option.value)
    if not 0 < len(value) <= LONGEST:
        raise ValueError(f"a DHCP option has 1 to {LONGEST} bytes")
    return number, value


def next_server(options: Iterable[DhcpOption]) -> str | None:
    """
    The server that a guest boots from, None for none.

    The one that is named so, else the TFTP server if that is given as an address.
    """
    given = {each.name: each.value for each in options if each.name == NEXT_SERVER}
    if given:
        return str(ipaddress.IPv4Address(given[NEXT_SERVER]))
    for each in options:
        if option_number(each, NAMES) == TFTP_SERVER:
            try:
                return str(ipaddress.IPv4Address(each.value))
            except ValueError:
                return None
    return None


def is_next_server(option: DhcpOption) -> bool:
    """Whether it is the server that a guest boots from.  Raises ValueError for a wrong address."""
    if option.name != NEXT_SERVER or option.number is not None:
        return False
    ipaddress.IPv4Address(option.value)
    return True


def parts(text: str) -> list[str]:
    """What stands between commas or spaces."""
    return text.replace(",", " ").split()


def number_value(text: str, size: int, where: str) -> bytes:
    """A number of so many bytes.  Raises ValueError."""
    given = int(text)
    if not 0 <= given < 1 << 8 * size:
        raise ValueError(f"{given} is no value of {where}")
    return given.to_bytes(size, "big")


def domains_value(text: str) -> bytes:
    """Domain names, uncompressed.  Raises ValueError."""
    names = parts(text)
    for each in names:
        labels = each.strip(".").split(".")
        if len(each) > 253 or not each.isascii() or not all(0 < len(x) < 64 for x in labels):
            raise ValueError(f"'{each}' is no domain name")
    return b"".join(domain_name(each) for each in names)


def _value(number: int, text: str) -> bytes:
    if text.startswith(RAW):
        return bytes.fromhex(text.removeprefix(RAW))
    if number in ADDRESSES:
        return b"".join(ipaddress.IPv4Address(each).packed for each in parts(text))
    if number in NUMBERS:
        return number_value(text, NUMBERS[number], f"DHCP option {number}")
    if number == SEARCH:
        return domains_value(text)
    if number == ROUTES:
        words = parts(text)
        if len(words) % 2:
            raise ValueError("each destination needs a gateway")
        return b"".join(route_value(*each) for each in zip(words[::2], words[1::2], strict=True))
    return text.encode("utf-8")

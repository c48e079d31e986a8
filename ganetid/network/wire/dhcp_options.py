"""
Values of DHCPv4's options, from the text that a user gives.

Source: RFC 2132; RFC 5859 (150).
"""

from __future__ import annotations

import ipaddress

from ganetid.network.ports import DhcpOption

RAW = "hex:"
ADDRESSES = frozenset(
    (*range(3, 12), 16, 21, 28, 32, 33, 41, 42, 44, 45, 48, 49, 65, *range(68, 77), 150)
)
NUMBERS = {
    **dict.fromkeys((19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46), 1),
    **dict.fromkeys((13, 22, 26), 2),
    **dict.fromkeys((2, 24, 35, 38), 4),
}
OURS = frozenset({0, 1, *range(50, 60), 61, 82, 255})  # the protocol's own, and the netmask
LONGEST = 1024


def option_value(option: DhcpOption) -> bytes:
    """The option's bytes.  Raises ValueError for a value that the option can't have."""
    if not 0 < option.number < 255 or option.number in OURS:
        raise ValueError(f"DHCP option {option.number} can't be set")
    value = _value(option.number, option.value)
    if not 0 < len(value) <= LONGEST:
        raise ValueError(f"a DHCP option has 1 to {LONGEST} bytes")
    return value


def _value(number: int, text: str) -> bytes:
    if text.startswith(RAW):
        return bytes.fromhex(text.removeprefix(RAW))
    if number in ADDRESSES:
        parts = text.replace(",", " ").split()
        return b"".join(ipaddress.IPv4Address(each).packed for each in parts)
    if number in NUMBERS:
        size = NUMBERS[number]
        given = int(text)
        if not 0 <= given < 1 << 8 * size:
            raise ValueError(f"{given} is no value of DHCP option {number}")
        return given.to_bytes(size, "big")
    return text.encode("utf-8")

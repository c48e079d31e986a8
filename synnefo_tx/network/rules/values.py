"""
What attributes' values may be: each function gives the value to keep, or raises ValueError with
Neutron's reason.  Pure.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

Check = Callable[[object], Any]

NAME_LENGTH, TEXT_LENGTH, TAG_LENGTH = 255, 255, 255
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
_HOST = re.compile(r"(?=.{1,253}\.?$)([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.?)+")
_TRUE, _FALSE = ("true", "1", "yes", "on", "t", "y"), ("false", "0", "no", "off", "f", "n")
MOST = 2**31 - 1  # of what an integer column holds
LONGEST_LIST = 200


def text(longest: int = NAME_LENGTH) -> Check:
    """
    A string.
    """

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"'{value}' is not a valid string")
        if len(value) > longest:
            raise ValueError(f"'{value}' exceeds maximum length of {longest}")
        if "\0" in value:
            raise ValueError(f"{value!r} contains illegal characters")
        return value

    return check


def boolean(value: object) -> bool:
    """
    Yes or no, in any of Neutron's spellings.
    """
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"'{value}' cannot be converted to boolean")


def whole_number(lowest: int = 0, highest: int = MOST) -> Check:
    """
    An integer between the two.
    """

    def check(value: object) -> int:
        try:
            if isinstance(value, bool | float) or not isinstance(value, str | int):
                raise TypeError
            number = int(value)
        except (TypeError, ValueError):
            raise ValueError(f"'{value}' is not an integer") from None
        if number < lowest:
            raise ValueError(f"'{value}' is too small - must be at least '{lowest}'")
        if number > highest:
            raise ValueError(f"'{value}' is too large - must be no larger than '{highest}'")
        return number

    return check


def one_of(*values: object) -> Check:
    """
    One of these.
    """

    def check(value: object) -> object:
        for known in values:
            if type(value) is type(known) and value == known:
                return known
        raise ValueError(f"'{value}' is not in {list(values)}")

    return check


def ip_version(value: object) -> int:
    """
    4 or 6, which may be a string.
    """
    if str(value) not in ("4", "6"):
        raise ValueError(f"'{value}' is not in [4, 6]")
    return int(str(value))


def uuid(value: object) -> str:
    """
    An id.
    """
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError(f"'{value}' is not a valid UUID")
    return value


def address(value: object) -> str:
    """
    An address of either version, as it is usually written.
    """
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP address") from None


def block(value: object) -> str:
    """
    A block of addresses; bits behind its prefix are taken away.
    """
    try:
        if not isinstance(value, str) or "/" not in value:
            raise ValueError
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP subnet") from None


def mac(value: object) -> str:
    """
    A hardware address of one host.
    """
    if not isinstance(value, str) or not _MAC.fullmatch(value) or int(value[:2], 16) & 1:
        raise ValueError(f"'{value}' is not a valid MAC address")
    if not value.strip("0:"):
        raise ValueError(f"'{value}' is not a valid MAC address")
    return value.lower()


def host_name(value: object) -> str:
    """
    A name of DNS, or none ("").
    """
    if not isinstance(value, str) or (value and not _HOST.fullmatch(value)):
        raise ValueError(f"'{value}' not a valid PQDN or FQDN")
    return value


def or_none(check: Check) -> Check:
    """
    The same, or null.
    """
    return lambda value: None if value is None else check(value)


def list_of(check: Check, *, unique: bool = True) -> Check:
    """
    A list of such; null is an empty one.
    """

    def whole(value: object) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueError(f"'{value}' is not a list")
        if len(value) > LONGEST_LIST:
            raise ValueError(f"more than {LONGEST_LIST} items")
        found = [check(item) for item in value]
        for place, item in enumerate(found):
            if unique and item in found[:place]:
                raise ValueError(f"Duplicate items in the list: '{item}'")
        return found

    return whole


def object_of(required: Mapping[str, Check], others: Mapping[str, Check] | None = None) -> Check:
    """
    An object with these keys.
    """
    known = {**required, **(others or {})}

    def check(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"'{value}' is not a dictionary")
        keys = set(value)
        if not required.keys() <= keys or not keys <= known.keys():
            expected: Collection[str] = list(required)
            raise ValueError(
                f"Validation of dictionary's keys failed. Expected keys: {expected} "
                f"Provided keys: {list(value)}"
            )
        return {key: known[key](item) for key, item in value.items()}

    return check


def anything_of_json(value: object) -> dict[str, Any]:
    """
    An object of any keys.
    """
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    if len(str(value)) > 4095:
        raise ValueError("the dictionary is too long")
    return value

"""
What the cluster's parameters may be, beyond their types.

Source: Ganeti 3.0.2, LUClusterSetParams.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ganetid.opcodes.definition import Input
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.iallocator import BUILT_IN, HAIL
from ganetid.placement.program import program_named

MAX_UID = 2**32 - 1
MAX_NETMASK = 32
NIC_MODES = ("bridged", "openvswitch", "pool", "routed")
MAC_PREFIX = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2}")
URL_SCHEMES = {"file", "ftp", "http", "https"}


def checked_values(given: Input) -> dict[str, Any]:
    """The parameters, MAC addresses in lower case.  Raises OpPrereqError."""
    for name, check in CHECKS.items():
        if given[name] is not None:
            check(given[name])
    prefix = given["mac_prefix"]
    return {**given, "mac_prefix": None if prefix is None else prefix.lower()}


def _uids(ranges: list[list[int]]) -> None:
    for lower, higher in ranges:
        if lower > higher:
            raise _refused(
                f"Lower user-id range boundary value ({lower}) is larger than higher boundary"
                f" value ({higher})"
            )
        if lower < 0:
            raise _refused(
                f"Lower user-id range boundary value ({lower}) is smaller than UIDPOOL_UID_MIN (0)."
            )
        if higher > MAX_UID:
            raise _refused(
                f"Higher user-id boundary value ({higher}) is larger than UIDPOOL_UID_MAX"
                f" ({MAX_UID})."
            )


def _mac_prefix(prefix: str) -> None:
    if not MAC_PREFIX.fullmatch(prefix.lower()):
        raise _refused(f"Invalid MAC address prefix '{prefix}'")


def _netmask(bits: int) -> None:
    if not 0 < bits <= MAX_NETMASK:
        raise _refused(f"CIDR netmask ({bits}) not valid")


def _image(place: str) -> None:
    if place and not place.startswith("/") and urlsplit(place).scheme not in URL_SCHEMES:
        raise _refused("Install image must be an absolute path or a URL")


def _nicparams(params: Mapping[str, Any]) -> None:
    mode = params.get("mode")
    if mode is not None and mode not in NIC_MODES:
        raise _refused(f"Cannot apply the change, errors:\nInvalid NIC mode '{mode}'")


def _allocator(name: str) -> None:
    if name and name not in {BUILT_IN, HAIL} and program_named(name) is None:
        raise _refused(f"Invalid default iallocator script '{name}' specified")


def _refused(words: str) -> OpPrereqError:
    return OpPrereqError(words, WRONG_INPUT)


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "uid_pool": _uids,
    "add_uids": _uids,
    "remove_uids": _uids,
    "mac_prefix": _mac_prefix,
    "master_netmask": _netmask,
    "install_image": _image,
    "nicparams": _nicparams,
    "default_iallocator": _allocator,
}

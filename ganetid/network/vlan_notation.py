"""
Ganeti's notation of VLANs: ``.10`` untagged in VLAN 10; ``:10:20`` tagged in both; ``.10:20`` both
kinds.
"""

from __future__ import annotations

import re

from attrs import frozen

NOTATION = re.compile(r"(\.(?P<untagged>\d{1,4}))?(?P<tagged>(:\d{1,4})*)")
LAST = 4094


class BadVlan(ValueError):
    """Not Ganeti's notation of a VLAN."""


@frozen
class Membership:
    """untagged: the VLAN of frames without tag.  tagged: those whose tags stay on."""

    untagged: int | None = None
    tagged: tuple[int, ...] = ()


def membership(text: str) -> Membership:
    """What Ganeti's notation says.  A bare number is an untagged VLAN.  Raises BadVlan."""
    spelt = f".{text}" if text.isdecimal() else text
    found = NOTATION.fullmatch(spelt)
    if found is None:
        raise BadVlan(f"{text!r} is no VLAN")
    tagged = tuple(int(each) for each in found["tagged"].split(":") if each)
    untagged = int(found["untagged"]) if found["untagged"] else None
    if any(not 1 <= each <= LAST for each in (*tagged, 1 if untagged is None else untagged)):
        raise BadVlan(f"{text!r} is no VLAN")
    return Membership(untagged, tagged)

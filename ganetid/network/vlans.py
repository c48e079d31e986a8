"""
VLANs of a bridge: the kernel's own filtering, where it has that.

Ganeti's notation: ``.10`` untagged in VLAN 10; ``:10:20`` tagged in both; ``.10:20`` both kinds.
Where the kernel's bridges know no VLANs, NICs of one network still don't see those of another (see
rules.guard), but no tags are put on frames: a VLAN on a bridge with an uplink is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen
from twisted.logger import Logger

from ganetid.network.host import Host
from ganetid.network.links import Link
from ganetid.network.state import NetworkState, Place
from ganetid.node.programs import ProgramFailed

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


def vlan_lines(interface: str, wanted: Membership) -> tuple[str, ...]:
    """Lines for ``bridge -batch``: the port is in these VLANs and no others."""
    lines = [f"vlan del dev {interface} vid 1-{LAST}"]
    if wanted.untagged is not None:
        lines.append(f"vlan add dev {interface} vid {wanted.untagged} pvid untagged")
    lines += [f"vlan add dev {interface} vid {each}" for each in wanted.tagged]
    return tuple(lines)


def vlan_of(place: Place) -> str:
    """The NIC's own VLAN, else its network's."""
    return place.port.vlan or (place.network.vlan if place.network else "")


class Vlans:
    """Puts NICs in their VLANs."""

    _log = Logger()

    def __init__(self, host: Host) -> None:
        self._host = host
        self._done: dict[str, str] = {}

    async def apply(self, state: NetworkState, links: dict[str, Link]) -> None:
        """Raises ProgramFailed, BadVlan."""
        tagged = [place for place in state.places() if place.bridge and vlan_of(place)]
        wanted = {place.tap: vlan_of(place) for place in tagged}
        for vlan in wanted.values():
            membership(vlan)
        self._done = {tap: vlan for tap, vlan in self._done.items() if tap in wanted}
        new = [place for place in tagged if self._done.get(place.tap) != wanted[place.tap]]
        lines: list[str] = []
        for name in dict.fromkeys(str(place.bridge) for place in new):
            if await self._filters(name, state, links):
                lines += _on_bridge(name, new, _uplinks(name, state))
        await self._host.bridge(lines)
        self._done |= {place.tap: wanted[place.tap] for place in new}

    async def _filters(self, bridge: str, state: NetworkState, links: dict[str, Link]) -> bool:
        """Turn on the bridge's filtering of VLANs; whether it has any."""
        there = links.get(bridge)
        if there is not None and there.settings.get("vlan_filtering"):
            return True
        try:
            await self._host.ip([f"link set dev {bridge} type bridge vlan_filtering 1"])
        except ProgramFailed as error:
            if _uplinks(bridge, state):
                raise
            self._log.warn("{bridge} puts no VLAN tags on: {error}", bridge=bridge, error=error)
            return False
        return True


def _uplinks(bridge: str, state: NetworkState) -> tuple[str, ...]:
    networks = state.bridged().get(bridge, ())
    return tuple(dict.fromkeys(each.uplink for each in networks if each.uplink))


def _on_bridge(bridge: str, places: Iterable[Place], uplinks: Iterable[str]) -> Iterable[str]:
    members = {place.tap: membership(vlan_of(place)) for place in places if place.bridge == bridge}
    for tap, member in members.items():
        yield from vlan_lines(tap, member)
    everything = {each.untagged for each in members.values() if each.untagged}
    everything |= {vlan for each in members.values() for vlan in each.tagged}
    for uplink in uplinks:
        yield from (f"vlan add dev {uplink} vid {vlan}" for vlan in sorted(everything))

"""
VLANs of a bridge: the kernel's own filtering, where it has that.

Where the kernel's bridges know no VLANs, NICs of one network still don't see those of another, and
a trunk's own tags alone pass (see rules.guard); but no tags are put on frames: a VLAN on a bridge
with an uplink is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.logger import Logger

from ganetid.network.host import Host
from ganetid.network.links import Link
from ganetid.network.state import NetworkState, Place
from ganetid.network.vlan_notation import LAST, Membership, membership
from ganetid.node.programs import ProgramFailed


def vlan_lines(interface: str, wanted: Membership) -> tuple[str, ...]:
    """Lines for ``bridge -batch``: the port is in these VLANs and no others."""
    lines = [f"vlan del dev {interface} vid 1-{LAST}"]
    if wanted.untagged is not None:
        lines.append(f"vlan add dev {interface} vid {wanted.untagged} pvid untagged")
    lines += [f"vlan add dev {interface} vid {each}" for each in wanted.tagged]
    return tuple(lines)


class Vlans:
    """Puts NICs in their VLANs."""

    _log = Logger()

    def __init__(self, host: Host) -> None:
        self._host = host
        self._done: dict[str, str] = {}

    async def apply(self, state: NetworkState, links: dict[str, Link]) -> None:
        """Raises ProgramFailed, BadVlan."""
        tagged = [place for place in state.places() if place.bridge and place.vlan]
        wanted = {place.tap: place.vlan for place in tagged}
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
    members = {place.tap: membership(place.vlan) for place in places if place.bridge == bridge}
    for tap, member in members.items():
        yield from vlan_lines(tap, member)
    everything = {each.untagged for each in members.values() if each.untagged}
    everything |= {vlan for each in members.values() for vlan in each.tagged}
    for uplink in uplinks:
        yield from (f"vlan add dev {uplink} vid {vlan}" for vlan in sorted(everything))

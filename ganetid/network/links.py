"""
The network interfaces of this node, as ``ip`` tells them.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import field, frozen


@frozen
class Link:
    """
    An interface as it is now.

    kind: bridge, tun, vxlan and so on.  addresses: with prefix length.  master: its bridge.
    queue: of what goes out, as tc calls it.
    settings: of its kind, as ``ip -details`` names them.
    """

    name: str
    kind: str = ""
    is_up: bool = False
    addresses: frozenset[str] = field(factory=frozenset)
    master: str | None = None
    mtu: int = 1500
    mac: str = ""
    queue: str = ""
    settings: dict[str, Any] = field(factory=dict, eq=False)


def links_in(listing: str) -> dict[str, Link]:
    """The interfaces in the output of ``ip -json -details address``."""
    found = (_link(each) for each in json.loads(listing or "[]") if each and "ifname" in each)
    return {link.name: link for link in found}


def _link(entry: dict[str, Any]) -> Link:
    info = entry.get("linkinfo", {})
    return Link(
        name=entry["ifname"],
        kind=info.get("info_kind", ""),
        is_up="UP" in entry.get("flags", ()),
        addresses=frozenset(
            f"{address['local']}/{address['prefixlen']}"
            for address in entry.get("addr_info", ())
            if "local" in address
        ),
        master=entry.get("master"),
        mtu=entry.get("mtu", 1500),
        queue=entry.get("qdisc", ""),
        mac=entry.get("address", ""),
        settings=info.get("info_data", {}),
    )

"""
The node's packet rules, as nftables scripts: pure functions.

Two tables, both named for the cluster: ``inet`` for what the node routes and takes in itself,
``bridge`` for what a guest may put on its wire.  Checked against nftables 1.0.6, Linux 6.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import frozen

from ganetid.network.plan import Bridge


@frozen
class Port:
    """A tap and what may be sent from it; `ip` None: any address."""

    tap: str
    mac: str
    ip: str | None


def table_name(cluster: str) -> str:
    """The tables' name: letters, digits and underscores only."""
    return "ganetid_" + re.sub(r"[^A-Za-z0-9]", "_", cluster)


def routing_script(cluster: str, bridges: Sequence[Bridge]) -> str:
    """
    Replace the inet table: guests reach the outside under the node's address, not each other's
    networks, and of the node itself only DHCP, ping and what they are answered.
    """
    table = table_name(cluster)
    names = ", ".join(f'"{bridge.name}"' for bridge in bridges)
    lines = [f"table inet {table}", f"delete table inet {table}"]
    if not bridges:
        return "\n".join(lines) + "\n"
    lines += [
        f"table inet {table} {{",
        f" set bridges {{ type ifname; elements = {{ {names} }}; }}",
        " chain forward { type filter hook forward priority filter; policy accept;",
        *(f'  iifname "{bridge.name}" oifname "{bridge.name}" accept' for bridge in bridges),
        "  iifname @bridges oifname @bridges drop",
        "  oifname @bridges ct state established,related accept",
        "  oifname @bridges drop",
        " }",
        " chain input { type filter hook input priority filter; policy accept;",
        "  iifname != @bridges accept",
        "  ct state established,related accept",
        "  udp dport 67 accept",
        "  meta l4proto { icmp, ipv6-icmp } accept",
        "  drop",
        " }",
        " chain postrouting { type nat hook postrouting priority srcnat; policy accept;",
        *(
            f"  ip saddr {bridge.subnet} oifname != @bridges masquerade"
            for bridge in bridges
            if bridge.address is not None
        ),
        " }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def guard_script(cluster: str, ports: Iterable[Port]) -> str:
    """Replace the bridge table: guests send under their own addresses, and serve no DHCP."""
    table = table_name(cluster)
    return (
        f"table bridge {table}\ndelete table bridge {table}\n"
        f"table bridge {table} {{\n"
        " set guarded { type ifname; }\n"
        " set fixed { type ifname; }\n"
        " set macs { type ifname . ether_addr; }\n"
        " set ips { type ifname . ipv4_addr; }\n"
        " chain from_guests { type filter hook prerouting priority -200; policy accept;\n"
        "  iifname != @guarded accept\n"
        "  iifname . ether saddr != @macs drop\n"
        "  udp sport 67 drop\n"
        "  iifname != @fixed accept\n"
        "  ip saddr 0.0.0.0 udp dport 67 accept\n"
        "  ether type ip iifname . ip saddr != @ips drop\n"
        "  arp saddr ip 0.0.0.0 accept\n"
        "  ether type arp iifname . arp saddr ip != @ips drop\n"
        " }\n}\n" + "".join(admit_script(cluster, port) for port in ports)
    )


def admit_script(cluster: str, port: Port) -> str:
    """Let a tap send."""
    return _elements("add", cluster, port)


def dismiss_script(cluster: str, port: Port) -> str:
    """Forget a tap that was admitted."""
    return _elements("delete", cluster, port)


def _elements(verb: str, cluster: str, port: Port) -> str:
    table = table_name(cluster)
    tap = f'"{port.tap}"'
    lines = [
        f"{verb} element bridge {table} guarded {{ {tap} }}",
        f"{verb} element bridge {table} macs {{ {tap} . {port.mac} }}",
    ]
    if port.ip is not None:
        lines += [
            f"{verb} element bridge {table} fixed {{ {tap} }}",
            f"{verb} element bridge {table} ips {{ {tap} . {port.ip} }}",
        ]
    return "\n".join(lines) + "\n"

"""
The way out of a network namespace: cables between it and the machine's own networking.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from ganetid.network.host import Host
from ganetid.network.names import table_name

INNER = "outside0"


@frozen
class Outside:
    """
    Joins a namespace to the machine; without a namespace there is nothing to do.

    network: a /30 for the cable that leads out, on which the machine masquerades; None: no way out.
    Failures are ProgramFailed or OSError.
    """

    _reactor: Any
    _cluster: str
    _namespace: str | None
    _network: str | None
    _machine: Host = field(init=False)
    _inside: Host = field(init=False)

    @_machine.default
    def _make_machine(self) -> Host:
        return Host(self._reactor, None)

    @_inside.default
    def _make_inside(self) -> Host:
        return Host(self._reactor, self._namespace)

    async def join(self) -> None:
        """Lay the cable that leads out, unless it is there."""
        if self._namespace is None or self._network is None:
            return
        network = ipaddress.IPv4Network(self._network)
        near, far = (str(each) for each in list(network.hosts())[:2])
        name = f"gno{self._digest('')}"
        if INNER not in await self._inside.links():
            await self._lay(name, INNER)
        await self._machine.ip(
            [f"address replace {near}/{network.prefixlen} dev {name}", f"link set dev {name} up"]
        )
        await self._inside.ip(
            [
                f"address replace {far}/{network.prefixlen} dev {INNER}",
                f"link set dev {INNER} up",
                f"route replace default via {near}",
            ]
        )
        await self._machine.set_kernel({"net/ipv4/ip_forward": "1"})
        await self._machine.nft(self._masquerade(name))

    async def bring(self, uplinks: Iterable[str]) -> None:
        """
        Give the namespace each of these uplinks that it has not: a cable from the machine's bridge
        of that name.
        """
        if self._namespace is None:
            return
        wanted = list(dict.fromkeys(uplinks))
        there = await self._inside.links() if wanted else {}
        for uplink in wanted:
            if uplink in there:
                continue
            outer = await self._machine.links()
            if uplink in outer and outer[uplink].kind == "bridge":
                name = f"gnu{self._digest(uplink)}"
                await self._lay(name, uplink)
                await self._machine.ip([f"link set dev {name} master {uplink} up"])

    async def _lay(self, outer: str, inner: str) -> None:
        """A veth pair between the machine and the namespace; what is left of a former one goes."""
        links = await self._machine.links()
        lines = [f"link delete dev {outer}"] if outer in links else []
        lines.append(f"link add name {outer} type veth peer name {inner} netns {self._namespace}")
        await self._machine.ip([*lines, f"link set dev {outer} addrgenmode none"])

    def _masquerade(self, name: str) -> str:
        table = f"inet {table_name(self._cluster)}_{self._digest('')}_outside"
        return (
            f"add table {table}\ndelete table {table}\ntable {table} {{\n"
            " chain srcnat {\n  type nat hook postrouting priority srcnat; policy accept;\n"
            f'  ip saddr {self._network} oifname != "{name}" masquerade\n }}\n}}\n'
        )

    def _digest(self, what: str) -> str:
        text = f"{self._cluster}\0{self._namespace}\0{what}"
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:9]

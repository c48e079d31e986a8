"""
This machine's networking, reached by its programs ``ip``, ``bridge`` and ``nft``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from ganetid.network.links import Link, links_in
from ganetid.network.namespace import NAMESPACES, forward_ipv6, set_kernel, within
from ganetid.network.rules.listing import present_in
from ganetid.network.rules.ruleset import Present, Table, script
from ganetid.node.programs import ProgramFailed, run


@frozen
class Host:
    """
    One network namespace (None: the machine's own).  Failures are ProgramFailed or OSError.

    has_rules: whether there is an nft to run.
    """

    reactor: Any
    namespace: str | None
    has_rules: bool = True

    async def make_namespace(self) -> bool:
        """Make the namespace unless it is there; whether it was made."""
        if self.namespace is None:
            return False
        path = NAMESPACES / self.namespace
        if path.exists() and not os.path.ismount(path):
            path.unlink()  # of a namespace that went with the mounts of who had made it
        is_new = not path.exists()
        if is_new:
            await run(self.reactor, ["ip", "netns", "add", self.namespace])
        await self.ip(["link set dev lo up"])
        return is_new

    async def links(self) -> dict[str, Link]:
        """All interfaces."""
        said = await run(self.reactor, [*self._ip, "-json", "-details", "address"])
        return links_in(said.output)

    async def ip(self, lines: Iterable[str]) -> None:
        """Run lines of ``ip``; at the first that fails the rest is left."""
        await self._batch(self._ip, lines)

    async def bridge(self, lines: Iterable[str]) -> None:
        """Run lines of ``bridge``."""
        await self._batch([*self._inside, "bridge"], lines)

    async def tc(self, lines: Iterable[str]) -> None:
        """Run lines of ``tc``."""
        await self._batch([*self._inside, "tc"], lines)

    async def rules(self) -> list[dict[str, Any]]:
        """The policy of routing, as ``ip -json rule`` tells it."""
        said = await run(self.reactor, [*self._ip, "-4", "-json", "rule"])
        found: list[dict[str, Any]] = json.loads(said.output or "[]")
        return found

    async def flooded(self, tunnel: str) -> frozenset[str]:
        """Addresses that a tunnel sends to when it doesn't know where a receiver is."""
        listing = ["bridge", "-json", "fdb", "show", "dev", tunnel]
        said = await run(self.reactor, [*self._inside, *listing])
        return frozenset(
            each["dst"]
            for each in json.loads(said.output or "[]")
            if each.get("mac") == "00:00:00:00:00:00" and "dst" in each
        )

    async def table(self, table: Table) -> Present | None:
        """What the kernel has of a table; None when it has none."""
        listing = ["nft", "-j", "list", "table", table.family, table.name]
        try:
            said = await run(self.reactor, [*self._inside, *listing])
        except ProgramFailed as error:
            if "No such file" in str(error):
                return None
            raise
        return present_in(said.output)

    async def change_tables(self, changes: Iterable[tuple[Table, Present | None]]) -> None:
        """From what is present to what is wanted, all at once."""
        await self.nft("".join(script(wanted, present) for wanted, present in changes))

    async def nft(self, text: str) -> None:
        """Run a script of nftables, as one transaction."""
        if text and self.has_rules:
            await run(self.reactor, [*self._inside, "nft", "-f", "-"], text)

    async def set_kernel(self, values: Mapping[str, str]) -> None:
        """Set kernel parameters, by path below /proc/sys."""
        if values:
            await within(self.reactor, self.namespace, lambda: set_kernel(values))

    async def forward_ipv6(self) -> None:
        """Let the kernel route IPv6 between interfaces."""
        await within(self.reactor, self.namespace, forward_ipv6)

    @property
    def _ip(self) -> list[str]:
        return ["ip", "-netns", self.namespace] if self.namespace else ["ip"]

    @property
    def _inside(self) -> list[str]:
        return ["ip", "netns", "exec", self.namespace] if self.namespace else []

    async def _batch(self, program: list[str], lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        if text:
            await run(self.reactor, [*program, "-batch", "-"], text)

"""
Spare copies of config drives that a node keeps for others; see `ganetid.node.spares`.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from twisted.internet.threads import deferToThread


@frozen
class Spares:
    """Copies that this node keeps, one file per instance."""

    directory: Path

    async def keep(self, instance: str, content: bytes) -> None:
        """Keep a copy.  Raises OSError."""
        await deferToThread(self._keep, instance, content)

    async def read(self, instance: str) -> bytes | None:
        """The copy, if there is one."""
        path = self._path(instance)
        return await deferToThread(path.read_bytes) if path.exists() else None

    async def prune(self, known: frozenset[str]) -> frozenset[str]:
        """Remove copies of all other instances; names of those that are there."""
        return await deferToThread(self._prune, known)

    def _keep(self, instance: str, content: bytes) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.directory / f".{instance}.partial"
        partial.touch(mode=0o600)
        partial.write_bytes(content)
        partial.replace(self._path(instance))

    def _prune(self, known: frozenset[str]) -> frozenset[str]:
        if not self.directory.exists():
            return frozenset()
        there = {path.stem: path for path in self.directory.glob("*.iso")}
        for name in there.keys() - known:
            there[name].unlink(missing_ok=True)
        return frozenset(there) & known

    def _path(self, instance: str) -> Path:
        return self.directory / f"{instance}.iso"

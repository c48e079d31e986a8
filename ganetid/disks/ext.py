"""
Template ext: disks at a provider of external storage; archipelago is built in.
"""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import IDiskTemplate
from ganetid.hypervisor.interface import Drive
from ganetid.opcodes.errors import OpExecError


@implementer(IDiskTemplate)
class ExtTemplate:
    """IDiskTemplate that asks the disk's provider."""

    name = "ext"

    def __init__(self, providers: Mapping[str, IDiskTemplate]) -> None:
        self.providers = providers

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).create(instance, disk)

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        there: bool = await self._provider(disk).exists(instance, disk)
        return there

    async def remove(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).remove(instance, disk)

    def drive(self, instance: str, disk: Disk) -> Drive:
        """See IDiskTemplate."""
        drive: Drive = self._provider(disk).drive(instance, disk)
        return drive

    def _provider(self, disk: Disk) -> IDiskTemplate:
        provider = self.providers.get(disk.provider or "")
        if provider is None:
            raise OpExecError(f"There is no ExtStorage provider '{disk.provider}'")
        return provider

"""
Template ext: disks at a provider of external storage; archipelago is built in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import IDiskTemplate, Space
from ganetid.hypervisor.interface import Drive
from ganetid.opcodes.errors import OpExecError

FindProvider = Callable[[str], IDiskTemplate | None]


@implementer(IDiskTemplate)
class ExtTemplate:
    """
    IDiskTemplate that asks the disk's provider.

    providers: built in, by name.  find: the provider of any other name, None when there is none.
    """

    name = "ext"

    def __init__(
        self, providers: Mapping[str, IDiskTemplate], find: FindProvider = lambda name: None
    ) -> None:
        self.providers = dict(providers)
        self._find = find

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

    async def activate(self, instance: str, disk: Disk, exclusive: bool = True) -> Drive:
        """See IDiskTemplate."""
        drive: Drive = await self._provider(disk).activate(instance, disk, exclusive)
        return drive

    async def deactivate(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).deactivate(instance, disk)

    def drive(self, instance: str, disk: Disk) -> Drive:
        """See IDiskTemplate."""
        drive: Drive = self._provider(disk).drive(instance, disk)
        return drive

    async def size(self, instance: str, disk: Disk) -> int:
        """See IDiskTemplate."""
        size_bytes: int = await self._provider(disk).size(instance, disk)
        return size_bytes

    async def grow(self, instance: str, disk: Disk, new_size_mib: int) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).grow(instance, disk, new_size_mib)

    async def snapshot(self, instance: str, disk: Disk, name: str) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).snapshot(instance, disk, name)

    async def rename(self, instance: str, disk: Disk, new_instance: str, new_name: str) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).rename(instance, disk, new_instance, new_name)

    async def set_info(self, instance: str, disk: Disk, text: str) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).set_info(instance, disk, text)

    async def allow_handover(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).allow_handover(instance, disk)

    async def hand_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).hand_over(instance, disk)

    async def take_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        await self._provider(disk).take_over(instance, disk)

    async def statistics(self) -> Space | None:
        """See IDiskTemplate.  Providers have rooms of their own; there is no sum of them."""
        return None

    def _provider(self, disk: Disk) -> IDiskTemplate:
        name = disk.provider or ""
        provider = self.providers.get(name)
        if provider is None:
            provider = self._find(name)
            if provider is None:
                raise OpExecError(
                    f"There is no ExtStorage provider '{disk.provider}'", nothing_made=True
                )
            self.providers[name] = provider
        return provider

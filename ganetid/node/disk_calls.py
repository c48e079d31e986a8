"""
A node's disks: made, grown, copied, exported.
"""

from __future__ import annotations

from twisted.internet.threads import deferToThread

from ganetid.cluster.model import Debris, Disk, Instance
from ganetid.disks.devices import sizes_of
from ganetid.disks.interface import Space
from ganetid.node.devices import place_of
from ganetid.node.equipment import Equipment
from ganetid.node.exports import copied
from ganetid.opcodes.errors import OpExecError


class DiskCalls(Equipment):
    """
    What INode says of disks.
    """

    async def create_disk(self, instance: Instance, disk: Disk) -> None:
        """Make a disk.  Raises OpExecError."""
        await self.template_of(instance).create(instance.name, disk)

    async def has_disk(self, instance: Instance, disk: Disk) -> bool:
        """Whether the disk is there.  Raises OpExecError."""
        there: bool = await self.template_of(instance).exists(instance.name, disk)
        return there

    async def remove_disk(self, instance: Instance, disk: Disk) -> None:
        """Remove a disk; one that is not there is removed already.  Raises OpExecError."""
        await self.template_of(instance).remove(instance.name, disk)

    async def remove_debris(self, debris: Debris) -> None:
        """Remove what a failed job left.  Raises OpExecError."""
        disk = Disk(debris.disk, uuid="", size_mib=0, provider=debris.provider)
        await self.templates[debris.template].remove(debris.instance, disk)

    async def grow_disk(self, instance: Instance, disk: Disk, new_size_mib: int) -> None:
        """See INode."""
        await self._devices(instance).grow_disk(instance, disk, new_size_mib)

    async def snapshot_disk(self, instance: Instance, disk: Disk, name: str) -> None:
        """See INode."""
        await self.template_of(instance).snapshot(instance.name, disk, name)

    async def activate_disk(self, instance: Instance, disk: Disk) -> str:
        """See INode."""
        return await self._devices(instance).activate_disk(instance, disk)

    async def deactivate_disk(self, instance: Instance, disk: Disk) -> None:
        """See INode."""
        await self.template_of(instance).deactivate(instance.name, disk)

    async def rename_disk(
        self, instance: Instance, disk: Disk, new_instance: str, new_name: str
    ) -> None:
        """See INode."""
        await self.template_of(instance).rename(instance.name, disk, new_instance, new_name)

    async def device_sizes(self, paths: tuple[str, ...]) -> dict[str, int]:
        """See INode."""
        return await deferToThread(sizes_of, paths)

    async def copy_disk(self, source: Instance, disk: Disk, target: Instance, other: Disk) -> None:
        """See INode."""
        here, there = self.template_of(source), self.template_of(target)
        place = place_of(await here.activate(source.name, disk))
        goal = place_of(await there.activate(target.name, other))
        await copied(place, goal, f"Can't copy disk {disk.name}", ("-n",))
        await there.deactivate(target.name, other)
        await here.deactivate(source.name, disk)

    async def spaces(self) -> dict[str, Space]:
        """See INode."""
        found = {name: await each.statistics() for name, each in self.templates.items()}
        return {name: space for name, space in found.items() if space is not None}

    async def read_chunk(self, instance: Instance, disk: Disk, offset: int, size: int) -> bytes:
        """See INode."""
        return await self._moving(instance).read_chunk(instance, disk, offset, size)

    async def write_chunk(
        self, instance: Instance, disk: Disk, offset: int, content: bytes, is_last: bool
    ) -> None:
        """See INode."""
        await self._moving(instance).write_chunk(instance, disk, offset, content, is_last)

    async def begin_export(self, instance: Instance) -> None:
        """See INode."""
        await self._exports.begin(instance)

    async def export_disk(self, instance: Instance, disk: Disk, index: int) -> None:
        """See INode."""
        await self._exports.copy(instance, disk, index, self.template_of(instance))

    async def end_export(self, instance: Instance, config: str) -> None:
        """See INode."""
        await self._exports.end(instance, config)

    async def list_exports(self) -> tuple[str, ...]:
        """See INode."""
        return await self._exports.names()

    async def read_export(self, name: str) -> str | None:
        """See INode."""
        return await self._exports.read(name)

    async def import_disk(self, instance: Instance, disk: Disk, source: str, image: str) -> None:
        """See INode."""
        template = self.template_of(instance)
        await self._exports.restore(instance, disk, (source, image), template)

    async def remove_export(self, name: str) -> bool:
        """See INode."""
        return await self._exports.remove(name)

    async def _let_disks_go(self, instance: Instance) -> None:
        """They are inactive here; one that resists is only logged, as under Ganeti."""
        for disk in instance.disks:
            try:
                await self.template_of(instance).deactivate(instance.name, disk)
            except OpExecError as error:
                self._log.warn("disk {disk} stays active: {error}", disk=disk.name, error=error)

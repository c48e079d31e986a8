"""
Disks and NICs of guests that run: plugged in, taken out, grown.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ganetid.cluster.model import Disk, Instance, Nic
from ganetid.disks.interface import MIB, IDiskTemplate
from ganetid.hypervisor.interface import IHypervisor
from ganetid.hypervisor.values import DeviceDrive, Drive, FileDrive, NbdDrive, NbdHostDrive
from ganetid.network.from_cluster import port_of, ports_of
from ganetid.network.interface import INodeNetwork


@frozen
class Devices:
    """What of one instance is changed: its hypervisor, its disk template, the node's network."""

    hypervisor: IHypervisor
    template: IDiskTemplate
    network: INodeNetwork

    async def plug_disk(self, instance: Instance, disk: Disk, index: int) -> None:
        """Give the running guest a disk; when it can't have it, the disk is inactive again."""
        drive: Drive = await self.template.activate(instance.name, disk)
        try:
            await self.hypervisor.plug_drive(instance.name, evolve(drive, uuid=disk.uuid), index)
        except Exception:
            await self.template.deactivate(instance.name, disk)
            raise

    async def unplug_disk(self, instance: Instance, disk: Disk) -> None:
        """Take a disk from the guest, if it runs."""
        if instance.name in self.hypervisor.running():
            await self.hypervisor.unplug_drive(instance.name, disk.uuid)
        await self.template.deactivate(instance.name, disk)

    async def plug_nic(self, instance: Instance, nic: Nic, index: int) -> None:
        """Give the running guest a NIC; when it can't have it, its tap is gone again."""
        device = await self.network.plug_one(instance.name, port_of(instance, nic, {}))
        try:
            await self.hypervisor.plug_nic(instance.name, evolve(device, uuid=nic.uuid), index)
        except Exception:
            await self.network.unplug_one(instance.name, nic.uuid)
            raise

    async def unplug_nic(self, instance: Instance, nic: Nic) -> None:
        """Take a NIC from the guest, if it runs, and remove its tap."""
        if instance.name in self.hypervisor.running():
            await self.hypervisor.unplug_nic(instance.name, nic.uuid)
        await self.network.unplug_one(instance.name, nic.uuid)

    async def update_nics(self, instance: Instance) -> None:
        """Addresses and rules of the guest's NICs are now those of the instance."""
        plugged = {port.uuid for port in self.network.ports(instance.name)}
        ports = tuple(port for port in ports_of(instance) if port.uuid in plugged)
        if ports:
            await self.network.update(instance.name, ports, None)

    async def grow_disk(self, instance: Instance, disk: Disk, new_size_mib: int) -> None:
        """Make a disk larger, and tell a running guest."""
        await self.template.grow(instance.name, disk, new_size_mib)
        if instance.name in self.hypervisor.running():
            size_bytes = new_size_mib * MIB
            await self.hypervisor.resize_drive(instance.name, disk.uuid, size_bytes)

    async def activate_disk(self, instance: Instance, disk: Disk) -> str:
        """Make a disk usable; its path, or the URI that QEMU reaches it by."""
        drive: Drive = await self.template.activate(instance.name, disk)
        return place_of(drive)


def place_of(drive: Drive) -> str:
    """The drive's path, or the URI that QEMU reaches it by."""
    match drive:
        case FileDrive() | DeviceDrive():
            return drive.path
        case NbdDrive():
            return f"nbd+unix:///{drive.export}?socket={drive.socket}"
        case NbdHostDrive():
            return f"nbd://{drive.host}:{drive.port}/{drive.export}"

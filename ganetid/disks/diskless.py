"""
Template diskless: instances without disks.
"""

from __future__ import annotations

from typing import NoReturn

from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import IDiskTemplate, Space
from ganetid.hypervisor.interface import Drive
from ganetid.opcodes.errors import OpExecError


@implementer(IDiskTemplate)
class Diskless:
    """IDiskTemplate of instances that have none; every disk is refused."""

    name = "diskless"

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        return False

    async def remove(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    async def activate(self, instance: str, disk: Disk, exclusive: bool = True) -> Drive:
        """See IDiskTemplate."""
        _refuse()

    async def deactivate(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    def drive(self, instance: str, disk: Disk) -> Drive:
        """See IDiskTemplate."""
        _refuse()

    async def size(self, instance: str, disk: Disk) -> int:
        """See IDiskTemplate."""
        _refuse()

    async def grow(self, instance: str, disk: Disk, new_size_mib: int) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def snapshot(self, instance: str, disk: Disk, name: str) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def rename(self, instance: str, disk: Disk, new_instance: str, new_name: str) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def set_info(self, instance: str, disk: Disk, text: str) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def allow_handover(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def hand_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def take_over(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        _refuse()

    async def statistics(self) -> Space | None:
        """See IDiskTemplate."""
        return None


def _refuse() -> NoReturn:
    raise OpExecError("A diskless instance has no disks", nothing_made=True)

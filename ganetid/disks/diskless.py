"""
Template diskless: instances without disks.
"""

from __future__ import annotations

from zope.interface import implementer

from ganetid.cluster.model import Disk
from ganetid.disks.interface import IDiskTemplate
from ganetid.hypervisor.interface import Drive
from ganetid.opcodes.errors import OpExecError


@implementer(IDiskTemplate)
class Diskless:
    """IDiskTemplate of instances that have none; every disk is refused."""

    name = "diskless"

    async def create(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""
        raise OpExecError("A diskless instance has no disks")

    async def exists(self, instance: str, disk: Disk) -> bool:
        """See IDiskTemplate."""
        return False

    async def remove(self, instance: str, disk: Disk) -> None:
        """See IDiskTemplate."""

    def drive(self, instance: str, disk: Disk) -> Drive:
        """See IDiskTemplate."""
        raise OpExecError("A diskless instance has no disks")

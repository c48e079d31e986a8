"""
What every disk template promises.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface

from ganetid.cluster.model import Disk
from ganetid.hypervisor.interface import Drive


class IDiskTemplate(Interface):
    """
    Makes and removes the disks of instances.

    `instance` is an instance's name.  Failures are OpExecError.
    """

    name = Attribute("Ganeti's name of it: ext, file, diskless")

    async def create(instance: str, disk: Disk) -> None:
        """
        Make the disk, filled with zeros or a clone of its origin.

        When it raises, nothing was made.  Raises OpExecError also when it exists.
        """

    async def exists(instance: str, disk: Disk) -> bool:
        """Whether it is there."""

    async def remove(instance: str, disk: Disk) -> None:
        """Remove it with its content.  A disk that is not there is removed already."""

    def drive(instance: str, disk: Disk) -> Drive:
        """How QEMU reaches it."""

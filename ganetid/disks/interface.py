"""
What every disk template promises.
"""

from __future__ import annotations

from attrs import frozen
from zope.interface import Attribute, Interface

from ganetid.cluster.model import Disk
from ganetid.hypervisor.interface import Drive

MIB = 1024 * 1024


@frozen
class Space:
    """Room of a template on this node, in MiB."""

    total_mib: int
    free_mib: int


class IDiskTemplate(Interface):
    """
    Makes, opens, changes and removes the disks of instances, on one node.

    `instance` is an instance's name.  Failures are OpExecError.
    """

    name = Attribute("Ganeti's name of it: ext, file, sharedfile, diskless")

    async def create(instance: str, disk: Disk) -> None:
        """
        Make the disk, filled with zeros or a clone of its origin, and leave it active.

        When it raises, nothing was made if the error says so; else the caller removes what may be
        there.  Raises OpExecError also when it exists.
        """

    async def exists(instance: str, disk: Disk) -> bool:
        """Whether it is there.  May make it active on this node."""

    async def remove(instance: str, disk: Disk) -> None:
        """
        Remove it with its content.

        A disk that is not there is removed already, as far as its storage can tell.
        """

    async def activate(instance: str, disk: Disk, exclusive: bool = True) -> Drive:
        """
        Make it usable on this node; how QEMU reaches it.  Again is harmless.

        exclusive: False while a live migration goes on, when two nodes use it.
        """

    async def deactivate(instance: str, disk: Disk) -> None:
        """This node needs it no more, and lets go of it.  Idempotent; its content stays."""

    def drive(instance: str, disk: Disk) -> Drive:
        """How QEMU reaches it, of a disk that was activated in this process."""

    async def size(instance: str, disk: Disk) -> int:
        """Its size in bytes, of an active disk."""

    async def grow(instance: str, disk: Disk, new_size_mib: int) -> None:
        """
        Make it larger, also while a guest uses it; its guest learns of it by its hypervisor.

        disk: with its former size.  Done again after a crash it succeeds.
        """

    async def snapshot(instance: str, disk: Disk, name: str) -> None:
        """
        Keep its present content under `name`, also while a guest writes.

        What a guest has flushed is in it.  Raises OpExecError where there are no snapshots.
        """

    async def rename(instance: str, disk: Disk, new_instance: str, new_name: str) -> None:
        """
        It is now the disk `new_name` of `new_instance`; it must not be in use.

        Done again after a crash it succeeds.
        """

    async def set_info(instance: str, disk: Disk, text: str) -> None:
        """Write down, where the storage can, whose disk it is."""

    async def allow_handover(instance: str, disk: Disk) -> None:
        """One further QEMU may open it while the present one has it: before a live migration."""

    async def hand_over(instance: str, disk: Disk) -> None:
        """
        After `allow_handover`: the guest has left this node, which writes no more.  Idempotent.

        When the guest goes on here after all, its QEMU gets the disk back by itself.
        """

    async def take_over(instance: str, disk: Disk) -> None:
        """
        The guest that came is about to go on here, and nobody else may write any more.  Idempotent.

        Raises OpExecError when the other node has not handed it over.
        """

    async def statistics() -> Space | None:
        """Its room on this node, None when it isn't known."""

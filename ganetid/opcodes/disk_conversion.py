"""
The content of an instance's disks goes to disks of another template; the old ones go after that.

Until the new disks are durably the instance's, it has its old ones, whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import evolve, frozen

from ganetid.cluster.model import AddDebris, Change, Disk, Instance
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import ALREADY_EXISTS, OpcodeError, OpExecError, OpPrereqError
from ganetid.opcodes.instances import debris_of


@frozen
class Conversion:
    """The instance as it was and as it will be; its node stays."""

    old: Instance
    new: Instance

    @property
    def notes(self) -> dict[str, Any]:
        """For whoever goes on after a crash."""
        return {
            "template": self.new.disk_template,
            "converted": self.new.disks,
            "old_template": self.old.disk_template,
            "old": self.old.disks,
        }


def conversion_from(made: Mapping[str, Any], instance: Instance) -> Conversion | None:
    """The conversion that was noted down, None when there was none."""
    if "converted" not in made:
        return None
    old = msgspec.convert(made["old"], tuple[Disk, ...])
    new = msgspec.convert(made["converted"], tuple[Disk, ...])
    return Conversion(
        evolve(instance, disk_template=made["old_template"], disks=old),
        evolve(instance, disk_template=made["template"], disks=new),
    )


async def copy_content(context: Context, way: Conversion) -> None:
    """Make the new disks with the old ones' content; when it raises, they are gone again."""
    node, old, new = context.node_of(way.new), way.old, way.new
    for disk in new.disks:
        if await node.has_disk(new, disk):
            raise OpPrereqError(f"Volume {disk.name} exists already", ALREADY_EXISTS)
    await context.note(way.notes)
    context.log(f"Converting disk template from '{old.disk_template}' to '{new.disk_template}'")
    made: list[Disk] = []
    try:
        for index, (source, target) in enumerate(zip(old.disks, new.disks, strict=True)):
            context.log(f" - copying data from disk {index} ({old.disk_template}),"
                        f" size {source.size_mib}M")  # fmt: skip
            made.append(target)
            try:
                await node.create_disk(new, target)
            except OpExecError as error:
                if error.nothing_made:
                    made.pop()
                raise
            await node.copy_disk(old, source, new, target)
            context.check_cancelled()
    except OpcodeError:
        context.log("The instance will not be affected, aborting operation")
        await take_back(context, evolve(new, disks=tuple(made)))
        raise


async def take_back(context: Context, new: Instance) -> None:
    """Remove what was made."""
    for change in await removed(context, new):
        await context.keep((change,))


async def removed(context: Context, instance: Instance) -> tuple[Change, ...]:
    """Remove the disks; what is left to be removed later."""
    node = context.node_of(instance)
    left: list[Change] = []
    for disk in instance.disks:
        if disk.reuses_data:  # it was somebody else's before
            await node.deactivate_disk(instance, disk)
            continue
        try:
            await node.remove_disk(instance, disk)
        except OpcodeError as error:
            context.log(f"Disk {disk.name} is left to be removed later: {error.args[0]}")
            left.append(AddDebris(debris_of(instance, disk)))
    return tuple(left)

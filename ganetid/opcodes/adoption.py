"""
Disks of template blockdev: devices that an instance adopts, as large as they are.

Source: Ganeti 3.0.2, LUInstanceCreate.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.model import Instance
from ganetid.disks.devices import ADOPT, ROOT
from ganetid.disks.interface import MIB
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import NOT_UNIQUE, WRONG_INPUT, OpPrereqError

BLOCKDEV = "blockdev"


def with_device(given: Mapping[str, Any], template: str) -> Mapping[str, Any]:
    """
    A disk's parameters with what is so for a device that is adopted; its size is looked for later.

    Raises OpPrereqError.
    """
    path = given.get(ADOPT)
    if template != BLOCKDEV:
        if path is not None:
            raise OpPrereqError(
                f"Disk adoption is not supported for the '{template}' disk template", WRONG_INPUT
            )
        return given
    if path is None:
        raise OpPrereqError(
            f"Disk template {template} requires disk adoption, but no 'adopt' parameter given",
            WRONG_INPUT,
        )
    normal = os.path.normpath(str(path))
    if not normal.startswith(ROOT):
        raise OpPrereqError(
            f"Device node(s) {normal} lie outside {ROOT} and cannot be adopted", WRONG_INPUT
        )
    return {"size": 1, **given, ADOPT: normal, "reuse_data": "True"}


async def adopted(context: Context, instance: Instance) -> Instance:
    """The instance, its disks as large as the devices are.  Raises OpPrereqError."""
    if instance.disk_template != BLOCKDEV:
        return instance
    paths = tuple(disk.params[ADOPT] for disk in instance.disks)
    if len(set(paths)) < len(paths):
        raise OpPrereqError("Duplicate disk names given for adoption", WRONG_INPUT)
    for other in context.cluster.everyone().values():
        taken = {disk.params.get(ADOPT) for disk in other.disks} & set(paths)
        if taken and other.name != instance.name:
            raise OpPrereqError(f"{min(map(str, taken))} is used by {other.name}", NOT_UNIQUE)
    sizes = await context.node_of(instance).device_sizes(paths)
    missing = sorted(set(paths) - set(sizes))
    if missing:
        raise OpPrereqError(f"Missing block device(s): {', '.join(missing)}", WRONG_INPUT)
    disks = (evolve(disk, size_mib=sizes[disk.params[ADOPT]] // MIB) for disk in instance.disks)
    return evolve(instance, disks=tuple(disks))

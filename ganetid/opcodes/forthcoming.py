"""
Instances whose place is reserved before they are made: OP_INSTANCE_CREATE, forthcoming and commit.

What was reserved (name, node, disks, NICs with their addresses, port) stays so; everything else is
as the committing request says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance
from ganetid.opcodes.errors import WRONG_INPUT, WRONG_STATE, OpPrereqError


def reserved_for(given: Mapping[str, Any], cluster: Configuration) -> Instance | None:
    """The forthcoming instance that a request commits; None: it does not.  Raises OpPrereqError."""
    if not given["commit"]:
        return None
    name = str(given["instance_name"])
    instance = cluster.instances.get(name)
    if instance is None:
        raise OpPrereqError(f"Instance {name} unknown", WRONG_INPUT)
    if not instance.forthcoming:
        raise OpPrereqError(
            f"Instance {name} (with uuid {instance.uuid}) not forthcoming but --commit was passed.",
            WRONG_STATE,
        )
    return instance


def with_reserved(given: Mapping[str, Any], reserved: Instance | None) -> Mapping[str, Any]:
    """The request, for what was not reserved."""
    if reserved is None:
        return {**given, "start": given["start"] and not given["forthcoming"]}
    return {
        **given,
        "pnode": reserved.primary_node,
        "disk_template": reserved.disk_template,
        "disks": [],
        "nics": [],
    }


def committed(instance: Instance, reserved: Instance | None) -> Instance:
    """The instance with what was reserved for it."""
    if reserved is None:
        return instance
    return evolve(
        instance,
        uuid=reserved.uuid,
        primary_node=reserved.primary_node,
        disks=reserved.disks,
        nics=reserved.nics,
        network_port=reserved.network_port,
        ctime=reserved.ctime,
        serial_no=reserved.serial_no + 1,
    )

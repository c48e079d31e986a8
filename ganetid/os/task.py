"""
What an operating system is to be put on.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ganetid.cluster.model import Instance, Network
from ganetid.hypervisor.interface import Drive


@frozen
class ReachedDisk:
    """
    An active disk: how QEMU reaches it, and the path at which scripts do, None where they can't.
    """

    drive: Drive
    path: str | None = None


@frozen
class OsTask:
    """
    An instance and what belongs to it.

    instance: with all its parameters filled in.  disks: as many as it has, in its order.
    networks: those of its NICs, by name.  node_uuid: of the node that this is.
    parameters: the operating system's, private and secret ones included: never shown or logged.
    """

    instance: Instance
    disks: tuple[ReachedDisk, ...] = ()
    networks: Mapping[str, Network] = field(factory=dict)
    node_uuid: str = ""
    parameters: Mapping[str, str] = field(factory=dict, repr=False)
    debug_level: int = 0

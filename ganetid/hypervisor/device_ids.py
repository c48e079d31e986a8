"""
What devices and block nodes are called in QEMU: derived from the uuids of disks and NICs, so that
they are the same at each start, when plugged, and on both ends of a migration.
"""

from __future__ import annotations

import re

from ganetid.hypervisor.values import Drive, NicDevice

# QEMU takes 31 characters for a block node; Ganeti too cuts uuids to this length.
KEPT = 18
_BAD = re.compile(r"[^A-Za-z0-9._-]")


def of_uuid(kind: str, uuid: str) -> str:
    """The id of a device of a kind (disk, nic)."""
    return f"{kind}-{short(uuid)}"


def of_drive(drive: Drive, index: int) -> str:
    """A disk's id; by its place if it has no uuid."""
    return f"disk{index}" if drive.uuid is None else of_uuid("disk", drive.uuid)


def of_nic(nic: NicDevice, index: int) -> str:
    """A NIC's id; by its place if it has no uuid."""
    return f"nic{index}" if nic.uuid is None else of_uuid("nic", nic.uuid)


def backend(device: str) -> str:
    """The block node or the net back-end behind a device."""
    return f"{device}-b"


def backends(device: str) -> tuple[str, str]:
    """
    The names that a disk's block node may have.

    Two, for a disk that is connected anew gets its new node beside the old one.
    """
    return backend(device), f"{device}-c"


def short(uuid: str) -> str:
    """As much of a uuid as goes into an id."""
    return _BAD.sub("_", uuid)[:KEPT]


def same_device(one: str | None, other: str) -> bool:
    """Whether two uuids, or what is kept of them, are one device's."""
    return one is not None and short(one) == short(other)

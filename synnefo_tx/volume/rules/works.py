"""
What storage is asked for, as steps that may be repeated: (a call of IBlocks, its arguments).  Pure.

Names as the clusters know them: snf-vol-<volume>, snf-snap-<snapshot>.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.effect.plan import PREFIX
from synnefo_tx.quota.registered import GIB

Step = tuple[Any, ...]
CALLS = frozenset({"create", "clone", "snapshot", "rollback", "resize", "delete"})


def volume_block(volume_id: str) -> str:
    """
    What storage calls a volume.
    """
    return f"{PREFIX}-vol-{volume_id}"


def snapshot_block(snapshot_id: str) -> str:
    """
    What storage calls a snapshot.
    """
    return f"{PREFIX}-snap-{snapshot_id}"


def connection_info(volume_id: str, mode: str) -> dict[str, Any]:
    """
    How a node of ours reaches a volume, as Cinder's attachments tell it.  mode: rw or ro.
    """
    data = {
        "name": volume_block(volume_id),
        "access_mode": mode,
        "encrypted": False,
        "volume_id": volume_id,
    }
    return {"driver_volume_type": "archipelago", "data": data}


def create(volume_id: str, size_gib: int) -> tuple[Step, ...]:
    """
    A volume of zeros.
    """
    return (("create", volume_block(volume_id), size_gib * GIB),)


def clone(origin: str, volume_id: str, size_gib: int) -> tuple[Step, ...]:
    """
    A volume with the content of `origin`, a sealed block volume.
    """
    return (("clone", origin, volume_block(volume_id), size_gib * GIB),)


def copy(source_id: str, volume_id: str, size_gib: int) -> tuple[Step, ...]:
    """
    A volume with the present content of another: by way of a snapshot that nobody sees.
    """
    between = _between(volume_id)
    return (
        ("snapshot", volume_block(source_id), between),
        *clone(between, volume_id, size_gib),
        ("delete", between),
    )


def snapshot(volume_id: str, snapshot_id: str) -> tuple[Step, ...]:
    """
    The present content of a volume, kept.
    """
    return (("snapshot", volume_block(volume_id), snapshot_block(snapshot_id)),)


def revert(volume_id: str, snapshot_id: str, size_gib: int) -> tuple[Step, ...]:
    """
    The volume has the snapshot's content again, and the size that it has now.
    """
    block = volume_block(volume_id)
    return (("rollback", block, snapshot_block(snapshot_id)), ("resize", block, size_gib * GIB))


def grow(volume_id: str, size_gib: int) -> tuple[Step, ...]:
    """
    A larger volume.
    """
    return (("resize", volume_block(volume_id), size_gib * GIB),)


def delete_volume(volume_id: str) -> tuple[Step, ...]:
    """
    Gone, and what a copy that came to nothing has left.
    """
    return (("delete", volume_block(volume_id)), ("delete", _between(volume_id)))


def delete_snapshot(snapshot_id: str) -> tuple[Step, ...]:
    """
    Gone.
    """
    return (("delete", snapshot_block(snapshot_id)),)


def _between(volume_id: str) -> str:
    return f"{PREFIX}-snap-for-{volume_id}"

"""
The volumes that a new server is made with: those that there are already, and those that its cluster
makes with it of images, snapshots or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from sqlalchemy import Connection

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rules.block_devices import INVALID, DiskWish
from synnefo_tx.effect.wishes import DiskPlan
from synnefo_tx.errors import BadRequest, NotFound, OverQuota
from synnefo_tx.volume.errors import GigabytesExceeded, SizeExceedsLimit, VolumesExceeded
from synnefo_tx.volume.rows import create_volumes, plugging, volumes
from synnefo_tx.volume.rules.create_request import VolumeRequest


def put(
    connection: Connection, ask: Ask, server_id: str, wishes: Sequence[DiskWish]
) -> tuple[DiskPlan, ...]:
    """
    All of them are attached to the server to come; how its cluster has to make its disks, in their
    order.  Raises BadRequest or OverQuota in Nova's words.
    """
    return tuple(
        _put(connection, evolve(ask, now_us=ask.now_us + place), server_id, wish)
        for place, wish in enumerate(wishes)  # attachments are in the order of their times
    )


def _put(connection: Connection, ask: Ask, server_id: str, wish: DiskWish) -> DiskPlan:
    try:
        plan = (_taken if wish.source == "volume" else _made)(connection, ask, wish)
    except NotFound as error:
        raise BadRequest(f"{INVALID}failed to get {wish.source} {wish.source_id}.") from error
    except (VolumesExceeded, GigabytesExceeded, SizeExceedsLimit) as error:
        raise OverQuota(str(error)) from error
    wanted = plugging.Plug(
        volume_id=plan.volume_id,
        tag=wish.tag,
        delete_on_termination=wish.delete_on_termination,
    )
    device = plugging.BOOT_DEVICE if wish.boot_index == 0 else None
    plugging.put(connection, server_id, wanted, plan.mode, ask.now_us, device=device)
    return plan


def _taken(connection: Connection, ask: Ask, wish: DiskWish) -> DiskPlan:
    assert wish.source_id is not None
    volume = plugging.free(connection, ask.caller, wish.source_id)
    if wish.boot_index == 0 and not volume.bootable:
        raise BadRequest(f"Block Device {volume.id} is not bootable.")
    volumes.change(connection, volume, ask.now_us, status="attaching")
    return DiskPlan(
        volume_id=volume.id,
        size_gib=volume.size_gib,
        origin=None,
        is_there=True,
        mode="ro" if volume.read_only else "rw",
    )


def _made(connection: Connection, ask: Ask, wish: DiskWish) -> DiskPlan:
    if wish.boot_index == 0 and wish.source == "blank":
        raise BadRequest("Block Device None is not bootable.")
    request = VolumeRequest(
        name=None,
        description=None,
        size_gib=wish.size_gib,
        snapshot_id=wish.source_id if wish.source == "snapshot" else None,
        source_id=None,
        image_id=wish.source_id if wish.source == "image" else None,
        metadata={},
    )
    new = create_volumes.add_row(connection, ask.caller, request, ask.now_us)
    return DiskPlan(volume_id=new.volume_id, size_gib=new.size_gib, origin=new.source.block)

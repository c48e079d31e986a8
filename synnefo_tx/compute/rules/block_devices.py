"""
The disks that a body of POST /servers asks for, by `block_device_mapping_v2` or the older form.
Pure.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synnefo_tx.compute.rules.parameters import is_true
from synnefo_tx.errors import BadRequest, Forbidden

INVALID = "Block Device Mapping is Invalid: "
NEEDS_ID = ("image", "snapshot", "volume")
NO_PLACE = -1  # of a disk that nothing boots from
MOST = 24  # disks of one server besides its own
MOST_DIGITS = 9  # of a size in GiB; Python reads no endless numbers


class TooManyDisks(Forbidden):
    """
    More than a server can be given.
    """

    def __init__(self) -> None:
        super().__init__(
            f"The maximum allowed number of disk devices ({MOST}) to attach to a single instance "
            "has been exceeded."
        )


@frozen(kw_only=True)
class DiskWish:
    """
    One volume in a new server.  source: volume, image, snapshot or blank; size in GiB, None for as
    much as the source needs; the server boots from the one with boot_index 0.
    """

    source: str
    source_id: str | None
    size_gib: int | None
    boot_index: int
    delete_on_termination: bool
    tag: str | None = None


def read_disks(server: dict[str, Any], most: int) -> tuple[DiskWish, ...]:
    """
    Those besides the image's own local disk, the boot disk first.  most: how many servers may be
    made.  Raises BadRequest or Forbidden in Nova's words.
    """
    old, new = server.get("block_device_mapping"), server.get("block_device_mapping_v2")
    if old and new:
        raise BadRequest(
            "Using different block_device_mapping syntaxes is not allowed in the same request."
        )
    image_id = server.get("imageRef") or None
    if old:
        asked = [_of_old(disk, place, image_id) for place, disk in enumerate(old)]
    else:
        asked = [_read(disk) for disk in new or () if not _is_image(disk, image_id)]
    if any(disk.source == "volume" for disk in asked) and most > 1:
        raise BadRequest("Cannot attach one or more volumes to multiple instances")
    if len(asked) > MOST:
        raise TooManyDisks
    _check_order(asked, image_id, is_asked=bool(old or new))
    return tuple(sorted(asked, key=lambda disk: disk.boot_index != 0))


def _is_image(disk: dict[str, Any], image_id: str | None) -> bool:
    """
    Whether it tells of what a server has anyway: its image as its local boot disk.
    """
    if disk.get("source_type") != "image" or disk.get("destination_type", "local") != "local":
        return False
    if (disk.get("uuid") or disk.get("image_id")) != image_id or _place(disk) != 0:
        raise BadRequest(INVALID + "only the server's image can be its local boot disk.")
    return True


def _read(disk: dict[str, Any]) -> DiskWish:
    source = disk.get("source_type", "blank")
    source_id = disk.get("uuid") or disk.get(f"{source}_id")
    local = "volume" if source in ("volume", "snapshot") else "local"
    if disk.get("destination_type", local) != "volume":
        if source in ("volume", "snapshot"):
            raise BadRequest(f"{INVALID}{source} to local mapping is not supported")
        raise BadRequest(INVALID + "Ephemeral disks requested are larger than the instance type "
                         "allows. If no size is given in one block device mapping, flavor "
                         "ephemeral size will be used.")  # fmt: skip
    if source in NEEDS_ID and not source_id:
        raise BadRequest(f"{INVALID}Missing device UUID.")
    size = disk.get("volume_size")
    if size is None and source in ("blank", "image"):
        raise BadRequest(f"{INVALID}Images with destination_type 'volume' need to have a non-zero "
                         "size specified." if source == "image" else
                         f"{INVALID}Blank volumes (source: 'blank', dest: 'volume') need to have "
                         "non-zero size")  # fmt: skip
    return DiskWish(
        source=source,
        source_id=source_id,
        size_gib=_size(size),
        boot_index=_place(disk),
        delete_on_termination=is_true(disk.get("delete_on_termination", False)),
        tag=disk.get("tag"),
    )


def _size(asked: object) -> int | None:
    """
    GiB.  Raises BadRequest.
    """
    if asked is None:
        return None
    digits = str(asked)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        raise BadRequest(f"{INVALID}Invalid volume_size.")
    return int(digits)


def _place(disk: dict[str, Any]) -> int:
    place = disk.get("boot_index")
    return NO_PLACE if place is None else max(int(place), NO_PLACE)


def _of_old(disk: dict[str, Any], place: int, image_id: str | None) -> DiskWish:
    """
    The form before version 2: without an image, the first one is booted from.
    """
    source = "snapshot" if disk.get("snapshot_id") else "volume"
    source_id = disk.get(f"{source}_id")
    if not source_id:
        raise BadRequest(f"{INVALID}Missing device UUID.")
    return DiskWish(
        source=source,
        source_id=str(source_id),
        size_gib=_size(disk.get("volume_size")),
        boot_index=0 if place == 0 and image_id is None else NO_PLACE,
        delete_on_termination=is_true(disk.get("delete_on_termination", False)),
    )


def _check_order(asked: list[DiskWish], image_id: str | None, *, is_asked: bool) -> None:
    """
    Something is booted from, and one thing alone.
    """
    places = [disk.boot_index for disk in asked if disk.boot_index != NO_PLACE]
    if image_id is not None:
        places.append(0)
    if not is_asked:
        return
    if sorted(places) != list(range(len(places))) or not places:
        raise BadRequest(INVALID + "Boot sequence for the instance and image/block device mapping "
                         "combination is not valid.")  # fmt: skip

"""
An image as a value.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen(kw_only=True)
class Image:
    """
    size and virtual_size are bytes, min_disk GiB, min_ram MiB; times are microseconds since the
    epoch.  `properties` are the custom ones.
    """

    id: str
    name: str | None
    owner: str | None
    visibility: str = "shared"
    status: str = "queued"
    disk_format: str | None = None
    container_format: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    protected: bool = False
    os_hidden: bool = False
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str]
    file_volume: str | None = None
    boot_volume: str | None = None
    upload_id: str | None = None
    created_at: int
    updated_at: int


@frozen
class Viewer:
    """
    Who asks: images are shown and changed by project; an administrator sees all.
    """

    project_id: str
    is_admin: bool = False


@frozen(kw_only=True)
class BootableImage:
    """
    What the compute service needs of an image.  Sizes are bytes, min_disk GiB, min_ram MiB.
    boot_volume is sealed: disks are cloned from it.
    """

    id: str
    name: str | None
    boot_volume: str
    virtual_size: int
    size: int
    min_disk: int
    min_ram: int
    status: str


@frozen
class Member:
    """
    status: pending, accepted or rejected.  Times are microseconds since the epoch.
    """

    image_id: str
    member: str
    status: str
    created_at: int
    updated_at: int

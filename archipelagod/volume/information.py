"""
What is told of a volume.
"""

from __future__ import annotations

import msgspec


class VolumeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """
    A volume as it is now.
    """

    name: str
    size_bytes: int
    read_only: bool
    own_bytes: int  # of what only this volume refers to; as of its last writing if it is closed
    connections: int  # open NBD connections
    created_at: float  # seconds since 1970, UTC
    protected: bool = False
    shared_bytes: int = 0  # of what other volumes may refer to as well
    uid: int = 0  # number of the volume, never given twice
    parent: int = 0  # number of its origin, 0 for none

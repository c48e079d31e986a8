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
    own_bytes: int  # of the objects that only this volume refers to, as of its last closing
    connections: int  # open NBD connections
    created_at: float  # seconds since 1970, UTC

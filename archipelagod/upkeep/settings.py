"""
Settings of upkeep.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

#: a negative grace would remove what is being written
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e18)]


class UpkeepSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    debounce_s: how long after a deletion its space is looked for.  objects_per_second: that are
    removed at most, blocks too.  maps_per_second: that are looked at.  block_grace_s: how long a
    block (or a body) that no volume refers to stays.  sweep_every_s: seconds between searches for
    such blocks and for what crashes left; 0 for never.  scrub_every_s: between checks of all that
    is stored; 0 for only when asked.  scrub_bytes_per_second: that a check reads.
    """

    debounce_s: Amount = 3.0
    objects_per_second: Amount = 5000.0
    maps_per_second: Amount = 20000.0
    block_grace_s: Amount = 86400.0
    sweep_every_s: Amount = 86400.0
    scrub_every_s: Amount = 0.0
    scrub_bytes_per_second: Amount = 64 << 20

"""
Opening a volume whose last owner may only just be dying.  Standard library only.
"""

from __future__ import annotations

import time

from archipelagod.stores.leases import LeaseHeld
from archipelagod.stores.store import Store
from archipelagod.volume.opening import open_volume, stand_by
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import VolumeBusy

PATIENCE_S = 10.0  # for a worker of a killed daemon to end
RETRY_S = 0.05


def open_patiently(
    store: Store,
    name: str,
    session: int,
    may_stand_by: bool = False,
    patience_s: float = PATIENCE_S,
) -> Volume:
    """
    As ``open_volume``, but waits for another to let go of the volume.  Raises as that, and
    VolumeBusy when the other does not.

    may_stand_by: do not wait, but see ``stand_by``.
    """
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            return open_volume(store, name, session)
        except (LeaseHeld, VolumeBusy) as error:
            if may_stand_by:
                return stand_by(store, name)
            if time.monotonic() > deadline_s:
                raise VolumeBusy(f"{name}: {error}") from error
        time.sleep(RETRY_S)

"""
Limits of volumes as they are kept in the store, so that they outlive the daemon.
"""

from __future__ import annotations

import msgspec

from archipelagod.stores.store import Store
from archipelagod.wire.errors import StorageUnavailable
from archipelagod.wire.values import Limits

ROOM = "limits"
NONE = Limits()


class StoredLimits:
    """
    Methods block; any thread.  A volume is named by its uid, which stays when it is renamed.
    """

    def __init__(self, store: Store) -> None:
        self._records = store.records

    def get(self, uid: int) -> Limits:
        """
        The limits of a volume.  Raises OSError, StorageUnavailable.
        """
        try:
            return Limits(*msgspec.json.decode(self._records.get(ROOM, _name(uid))))
        except FileNotFoundError:
            return NONE
        except (msgspec.DecodeError, TypeError) as error:
            raise StorageUnavailable(f"the limits of volume {uid:08x} can't be read") from error

    def put(self, uid: int, limits: Limits) -> None:
        """
        Keeps the limits of a volume.  Raises OSError.
        """
        if limits.iops or limits.bytes_per_second:
            self._records.put(ROOM, _name(uid), msgspec.json.encode(tuple(limits)))
        else:
            self.forget(uid)

    def forget(self, uid: int) -> None:
        """
        The volume has none, or is gone.  Raises OSError.
        """
        self._records.remove(ROOM, _name(uid))


def _name(uid: int) -> str:
    return f"{uid:08x}"

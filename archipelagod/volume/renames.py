"""
Renaming volumes so that whoever goes through all maps can tell that one may have slipped by.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archipelagod.stores.leases import LeaseHeld

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILease
    from archipelagod.stores.store import Store

PATIENCE_S = 30.0
LEASE = "renames"
ROOM, NAME = "counters", "renames"


@contextlib.contextmanager
def renaming(store: Store) -> Iterator[None]:
    """
    To be held while a map moves from one name to another.  Raises OSError.
    """
    lease = _lease(store)
    try:
        store.records.put(ROOM, NAME, os.urandom(8).hex().encode())
        yield
    finally:
        lease.release()


def last_rename(store: Store) -> bytes:
    """
    What differs after every rename; none is on its way at the moment of the call.

    Two calls that say the same had no moment of a rename between them.  Raises OSError.
    """
    lease = _lease(store)
    try:
        return store.records.get(ROOM, NAME)
    except FileNotFoundError:
        return b""
    finally:
        lease.release()


def _lease(store: Store) -> ILease:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return store.leases.acquire(LEASE, b"")
        except LeaseHeld:
            if time.monotonic() > deadline:
                raise OSError(errno.EBUSY, "another daemon renames a volume") from None
        time.sleep(0.005)

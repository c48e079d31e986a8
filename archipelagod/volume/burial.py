"""
Maps on their way: frozen, made volumes, deleted.

A snapshot begins in the room of those being frozen, and moves to the volumes when the volume it is
of has disowned its objects.  Whoever freezes holds a lease on it: without that, it is what a crash
left, and joins the deleted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archipelagod.volume.census import DELETED, FREEZING
from archipelagod.volume.journal import ROOM as JOURNALS
from archipelagod.volume.journal import journal_name
from archipelagod.volume.map_format import HEADER_BYTES, DamagedMap, Header, decode_header
from archipelagod.volume.open_map import OpenMap
from archipelagod.volume.stored_map import MAPS

if TYPE_CHECKING:
    from archipelagod.stores.interface import ILease
    from archipelagod.stores.store import Store


def deleted_name(uid: int) -> str:
    """
    Name of a map that is deleted or being frozen.
    """
    return f"{uid:08x}"


@contextlib.contextmanager
def freezing(store: Store, uid: int) -> Iterator[ILease]:
    """
    To be held from before ``bury_record`` until after ``raise_up``.  Raises OSError.
    """
    lease = store.leases.acquire(deleted_name(uid), b"")
    try:
        yield lease
    finally:
        lease.release()


def bury_record(opened: OpenMap, header: Header) -> None:
    """
    Keeps a map's present content among those being frozen, under ``header``.  Raises OSError.
    """
    opened.stored.put(FREEZING, deleted_name(header.uid), header)


def raise_up(store: Store, uid: int, name: str) -> None:
    """
    Makes a frozen map the volume ``name``.  Raises FileExistsError, OSError.
    """
    store.records.move(FREEZING, deleted_name(uid), MAPS, name)


def bury_volume(store: Store, name: str, header: Header) -> None:
    """
    Deletes the volume ``name``, whose header is given.  Raises OSError.
    """
    store.records.move(MAPS, name, DELETED, deleted_name(header.uid))


def bury_unfinished(store: Store) -> None:
    """
    Snapshots that a crash left half-way join the deleted.  Raises OSError.

    Not while there is a journal of the volume they are of: it may be the only one that says that
    the volume has objects which such a snapshot refers to as well.
    """
    journals = None
    for name in store.records.names(FREEZING):
        if store.leases.holder(name) is not None:
            continue
        journals = journals or set(store.records.names(JOURNALS))
        with contextlib.suppress(FileNotFoundError, DamagedMap):
            header = decode_header(store.records.get(FREEZING, name, HEADER_BYTES))
            if journal_name(header.parent) not in journals:
                store.records.move(FREEZING, name, DELETED, name)

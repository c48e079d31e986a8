"""
A store: the pools of objects and of blocks, the records that say what they are for, and the leases
on them.  The worker imports this too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from archipelagod.stores.interface import IBlocks, ILeases, IObjects, IRecords


class Store(NamedTuple):
    """
    The parts of a store; they live and fail together.
    """

    objects: IObjects
    records: IRecords
    blocks: IBlocks
    leases: ILeases


def open_file_store(path: str, *, is_ours: bool = False, is_direct: bool = False) -> Store:
    """
    The store in the directory ``path``, made (0700) if absent.  Raises OSError.

    is_ours: a daemon starts: what killed writers left unfinished is removed.
    is_direct: objects are read and written past the page cache.
    """
    from archipelagod.stores.direct_objects import DirectObjects
    from archipelagod.stores.file_blocks import FileBlocks
    from archipelagod.stores.file_leases import FileLeases
    from archipelagod.stores.file_objects import FileObjects
    from archipelagod.stores.file_records import FileRecords
    from archipelagod.stores.reserve import Reserve

    if is_ours:
        remove_unfinished(path)
    reserve = Reserve(f"{path}/reserve")
    # stores.declarations says that these provide the interfaces
    store = Store(
        cast("IObjects", (DirectObjects if is_direct else FileObjects)(f"{path}/objects")),
        cast("IRecords", FileRecords(f"{path}/records", reserve)),
        cast("IBlocks", FileBlocks(f"{path}/blocks")),
        cast("ILeases", FileLeases(f"{path}/leases", reserve)),
    )
    reserve.refill()
    return store


def open_memory_store() -> Store:
    """
    A new, empty store.
    """
    from archipelagod.stores.memory import MemoryObjects, MemoryRecords
    from archipelagod.stores.memory_blocks import MemoryBlocks
    from archipelagod.stores.memory_leases import MemoryLeases

    return Store(
        cast("IObjects", MemoryObjects()),
        cast("IRecords", MemoryRecords()),
        cast("IBlocks", MemoryBlocks()),
        cast("ILeases", MemoryLeases()),
    )


def remove_unfinished(path: str) -> int:
    """
    Removes from the file store at ``path`` what killed writers left half-way; others may be using
    the store.  Returns the count.
    """
    from archipelagod.stores.unfinished import Unfinished

    return sum(Unfinished(f"{path}/{part}").remove() for part in ("records", "blocks"))

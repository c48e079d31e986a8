"""
A store: the pool of objects, and the records that say what they are for.  The worker imports this
too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from archipelagod.stores.interface import IObjects, IRecords


class Store(NamedTuple):
    """
    Both halves of a store; they live and fail together.
    """

    objects: IObjects
    records: IRecords


def open_file_store(path: str, *, is_ours: bool = False) -> Store:
    """
    The store in the directory ``path``, made (0700) if absent.  Raises OSError.

    is_ours: nobody else has it open; what killed writers left unfinished is removed.
    """
    from archipelagod.stores.file_objects import FileObjects
    from archipelagod.stores.file_records import FileRecords

    records = FileRecords(f"{path}/records")
    if is_ours:
        records.remove_unfinished()
    # stores.declarations says that these provide the interfaces
    objects = cast("IObjects", FileObjects(f"{path}/objects"))
    return Store(objects, cast("IRecords", records))


def open_memory_store() -> Store:
    """
    A new, empty store.
    """
    from archipelagod.stores.memory import MemoryObjects, MemoryRecords

    return Store(cast("IObjects", MemoryObjects()), cast("IRecords", MemoryRecords()))

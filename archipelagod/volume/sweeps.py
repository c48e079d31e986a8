"""
Blocks that are being removed.

Who removes blocks announces them, then looks once more for lists of keys, then removes.  Who makes
a volume of blocks writes the list of its keys, then looks for announcements, then whether the
blocks are there.  So at least one of both knows of the other.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archipelagod.volume.map_format import KEY_BYTES
from archipelagod.wire.errors import NoSuchBlock

if TYPE_CHECKING:
    from archipelagod.stores.store import Store

ROOM = "sweeps"
PATIENCE_S = 5.0


@contextlib.contextmanager
def announced(store: Store, keys: list[bytes]) -> Iterator[None]:
    """
    To be held while ``keys``, which are not empty, are looked for and removed.  Raises OSError.
    """
    name = keys[0].hex()
    store.records.put(ROOM, name, b"".join(keys))
    try:
        yield
    finally:
        store.records.remove(ROOM, name)


def forget(store: Store) -> None:
    """
    Ends what a killed process announced; the caller is the only one who removes.  Raises OSError.
    """
    for name in store.records.names(ROOM):
        store.records.remove(ROOM, name)


def wait(store: Store, keys: list[bytes]) -> None:
    """
    Returns when none of ``keys`` is being removed.  Raises NoSuchBlock after some seconds, OSError.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        removed = _removed(store)
        going = removed.intersection(keys) if removed else None
        if not going:
            return
        if time.monotonic() > deadline:
            raise NoSuchBlock(f"{going.pop().hex()} is being removed")
        time.sleep(0.01)


def _removed(store: Store) -> set[bytes]:
    found: set[bytes] = set()
    for name in store.records.names(ROOM):
        with contextlib.suppress(FileNotFoundError):
            found.update(split(store.records.get(ROOM, name)))
    return found


def split(data: bytes | memoryview) -> list[bytes]:
    """
    The keys in a list; what is left at the end is none.
    """
    end = len(data) - KEY_BYTES + 1
    return [bytes(data[at : at + KEY_BYTES]) for at in range(0, end, KEY_BYTES)]

"""
One change of a store, in a process of its own that may be killed at any system call:
``python -m tests.chaos.deeds STORE DEED``.  Says "done" when a client would be told so, "refused"
when it would get an error.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable

from archipelagod.stores.store import open_file_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import StorageError

BLOCK = 4096
SIZE = 2 * OBJECT_BYTES + 2 * BLOCK


class Workshop:
    """
    A store, and what can be done to it.
    """

    def __init__(self, path: str) -> None:
        self.store = open_file_store(path, is_ours=True)
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, time.time)

    def opened(self, name: str) -> Volume:
        """A volume."""
        return open_volume(self.store, name, self.sessions.fresh())


def prepare(path: str) -> None:
    """
    A store with volumes of every kind: "v" has objects of its own and shared ones, whole and in
    part; "s" is a snapshot of it, "old" another; "gone" was deleted; nobody closed "left".
    """
    shop = Workshop(path)
    for name in ("v", "gone", "left"):
        shop.catalogue.create(name, SIZE)
    volume = shop.opened("v")
    fill(volume, [0, 1, 1023, 1024, 1500, 2048, 2049], 1)
    shop.catalogue.freeze(volume, shop.catalogue.new_map("old"))
    fill(volume, [1, 7], 2)
    shop.catalogue.freeze(volume, shop.catalogue.new_map("s"))
    fill(volume, [7, 1500], 3)
    volume.close()
    gone = shop.opened("gone")
    fill(gone, [0, 1024], 4)
    gone.close()
    shop.catalogue.delete("gone")
    left = shop.opened("left")
    fill(left, [0, 1024], 5)
    left.flush()
    fill(left, [0, 5, 1025], 6)


def fill(volume: Volume, blocks: list[int], number: int) -> None:
    """
    Writes some blocks.
    """
    for block in blocks:
        volume.write(block * BLOCK, bytes((number, block & 0xFF)) * (BLOCK // 2))


def _flush(shop: Workshop) -> None:
    volume = shop.opened("v")
    fill(volume, [0, 7, 1024, 1500, 1600], 9)
    volume.zero(2048 * BLOCK, 2 * BLOCK)
    volume.flush()


def _flush_large(shop: Workshop) -> None:
    volume = shop.opened("v")
    for block in range(0, 2048, 64):
        volume.write(block * BLOCK, bytes((10, block & 0xFF)) * (BLOCK * 32))
    volume.flush()


def _live_snapshot(shop: Workshop) -> None:
    volume = shop.opened("v")
    shop.catalogue.freeze(volume, shop.catalogue.new_map("new"))


def _flatten(shop: Workshop) -> None:
    volume = shop.opened("v")
    volume.own(0, SIZE)
    volume.flush()


#: whether all of it happens or nothing, and how
DEEDS: dict[str, tuple[bool, Callable[[Workshop], object]]] = {
    "create": (True, lambda shop: shop.catalogue.create("new", SIZE)),
    "clone": (True, lambda shop: shop.catalogue.clone("s", "new", SIZE + OBJECT_BYTES)),
    "snapshot": (True, lambda shop: shop.catalogue.snapshot("v", "new")),
    "live_snapshot": (True, _live_snapshot),
    "flush": (False, _flush),
    "flush_large": (False, _flush_large),
    "flatten": (True, _flatten),
    "shrink": (True, lambda shop: shop.catalogue.resize("v", OBJECT_BYTES + 500 * BLOCK)),
    "grow": (True, lambda shop: shop.catalogue.resize("v", SIZE + OBJECT_BYTES)),
    "rollback": (True, lambda shop: shop.catalogue.rollback("v", "old")),
    "rename": (True, lambda shop: shop.catalogue.rename("v", "new")),
    "seal": (True, lambda shop: shop.catalogue.seal("v")),
    "delete": (True, lambda shop: shop.catalogue.delete("v")),
    "delete_snapshot": (True, lambda shop: shop.catalogue.delete("s")),
    "reclaim": (True, lambda shop: shop.catalogue.reclaim()),
    "settle": (True, lambda shop: shop.catalogue.settle("left")),
}


def main(arguments: list[str]) -> int:
    """
    Does one deed.
    """
    path, name = arguments
    try:
        DEEDS[name][1](Workshop(path))
    except (OSError, StorageError) as error:
        return _say(f"refused: {error!r}")
    return _say("done")


def _say(text: str) -> int:
    with contextlib.suppress(OSError):  # this call may be the one that fails
        os.write(1, text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""
``python -m benchmarks.block.bulk STORE COUNT [BYTES]``: a store of many volumes, made at once.

The store's own code makes them, in this process and with syncs turned off: what takes the time is
then the number of files.  Everything is synced once at the end.

The store holds ``golden``, a sealed volume of 1 GiB with a full map of content-addressed blocks,
``trunk``, a writable clone of it, and COUNT volumes: a third empty ones, a third clones of
``golden``, a third snapshots of ``trunk``.  With BYTES, ``giant`` too: a sealed volume of that
size with a full map.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from archipelagod.stores.store import open_file_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.content import create_from_hashes, put_block
from archipelagod.volume.sessions import Sessions
from benchmarks.block.content import piece
from benchmarks.block.ours import store_of
from benchmarks.block.place import CHECKOUT

OBJECT_BYTES = 4 << 20
GIB = 1 << 30
GOLDEN, TRUNK, GIANT = "golden", "trunk", "giant"
SOME_BYTES = 16 << 20  # of blocks: the maps are full, the blocks few


def make_store(home: Path, count: int, giant_bytes: int = 0) -> None:
    """
    Such a store for a daemon of ``home``, made by a process of its own.
    """
    store = store_of(home)
    store.mkdir(parents=True)
    for directory in (store, store.parent):
        directory.chmod(0o700)
    command = [sys.executable, "-m", "benchmarks.block.bulk", str(store), str(count)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    subprocess.run([*command, str(giant_bytes)], check=True, env=environment)


def name_of(number: int) -> str:
    """
    The name of the volume with that number, from 0.
    """
    return f"{('empty', 'clone', 'snapshot')[number % 3]}-{number:07d}"


def main(path: str, count: int, giant_bytes: int) -> None:
    os.fsync = os.fdatasync = lambda fd: None
    store = open_file_store(path, is_ours=True)
    catalogue = Catalogue(store, Sessions(store), time.time)
    keys = [put_block(store, piece(offset)) for offset in range(0, SOME_BYTES, OBJECT_BYTES)]
    for name, size in ((GOLDEN, GIB), (GIANT, giant_bytes)):
        if size:
            slots = -(-size // OBJECT_BYTES)
            hashes = [keys[index % len(keys)] for index in range(slots)]
            create_from_hashes(catalogue, name, size, hashes, is_read_only=True)
    catalogue.clone(GOLDEN, TRUNK)
    for number in range(count):
        name = name_of(number)
        if number % 3 == 0:
            catalogue.create(name, GIB)
        elif number % 3 == 1:
            catalogue.clone(GOLDEN, name)
        else:
            catalogue.snapshot(TRUNK, name)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

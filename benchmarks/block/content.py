"""
What volumes and the peers' files hold: 1 GiB (a quarter of it in the short form) without holes, the
same in all.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.block.choices import chosen
from benchmarks.block.control import PIECE_BYTES
from benchmarks.block.ours import Daemon

SIZE_BYTES = 256 << 20 if chosen().is_quick else 1 << 30
BASE = "base"  # the sealed volume that clones are made of
OWN = "own"  # a volume of its own objects

_NOISE = os.urandom(PIECE_BYTES + (1 << 20))


def piece(offset: int) -> bytes:
    """
    4 MiB of noise, of which no two pieces are equal.
    """
    start = (offset // PIECE_BYTES * 4099) % (1 << 20)
    return _NOISE[start : start + PIECE_BYTES - 8] + offset.to_bytes(8, "big")


def write_raw(path: Path) -> Path:
    """
    The content as a file.
    """
    with path.open("wb") as file:
        for offset in range(0, SIZE_BYTES, PIECE_BYTES):
            file.write(piece(offset))
    return path


def copy_raw(source: Path, target: Path) -> Path:
    """
    A copy that shares no block with ``source``, and lies in the page cache.
    """
    with source.open("rb") as read, target.open("wb") as written:
        shutil.copyfileobj(read, written, PIECE_BYTES)
    return target


def prepare(daemon: Daemon) -> None:
    """
    The volumes ``own`` and ``base``, written through the block protocol.
    """
    control = daemon.control
    control.ask(lambda client: client.create(OWN, SIZE_BYTES))
    control.ask(lambda client: client.create(BASE, SIZE_BYTES))
    for name in (OWN, BASE):
        control.fill(name, SIZE_BYTES, piece)
    control.ask(lambda client: client.seal(BASE))

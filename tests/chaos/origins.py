"""
What volumes hold that come from others.
"""

from __future__ import annotations

import time

from tests.chaos.blocks import Block
from tests.chaos.model import Disk


def frozen(origin: Disk, name: str, number: int, start_s: float) -> Disk:
    """
    A snapshot of ``origin``, asked for at ``start_s`` and taken by now.
    """
    made = Disk(name, number, origin.size_bytes)
    made.is_read_only = True
    made.family = origin.family
    made.asked_s, made.there_s = start_s, time.monotonic()
    made.frozen = origin.moments(made.asked_s, made.there_s)
    for index, moments in made.frozen.items():
        base = frozenset().union(*(each.vectors for each in moments))
        made.blocks[index] = Block(base, moments)
    return made


def cloned(origin: Disk, name: str, number: int, size_bytes: int) -> Disk:
    """
    A clone of ``origin``, which is read-only.
    """
    made = Disk(name, number, size_bytes)
    made.family = origin.family
    with origin.lock:
        made.blocks = {index: block.copy() for index, block in origin.blocks.items()}
    return made

"""
How many messages targets were given, where one input holds many.
"""

from __future__ import annotations

import mmap

_COUNT = memoryview(mmap.mmap(-1, 8)).cast("Q")  # shared with the processes that are forked


def counted(count: int) -> None:
    """
    So many more.
    """
    _COUNT[0] += count


def take_count() -> int:
    """
    Those counted since this was called last, here or in a child.
    """
    found, _COUNT[0] = _COUNT[0], 0
    return found

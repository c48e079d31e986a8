"""
What records and leases may be called, and pages of their names.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import islice, takewhile

UNFINISHED = "~"  # begins what is no name of anything: unfinished files, and their directory
MAX_NAME = 140


def checked_name(name: str) -> str:
    """
    ``name``, if it can be a file's.  Raises FileNotFoundError.
    """
    if "/" in name or "\0" in name or name in ("", ".", "..") or len(name) > MAX_NAME:
        raise FileNotFoundError(2, "nothing can have that name")
    return name


def page(parts: Iterable[Sequence[str]], after: str, limit: int | None, prefix: str) -> list[str]:
    """
    A page of the names in all ``parts``, each of which is sorted.  See IRecords.names.
    """
    tails = []
    for part in parts:
        start = max(bisect_right(part, after), bisect_left(part, prefix))
        if start < len(part) and part[start].startswith(prefix):
            tails.append(map(part.__getitem__, range(start, len(part))))
    return list(islice(takewhile(lambda name: name.startswith(prefix), merge(*tails)), limit))

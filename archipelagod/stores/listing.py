"""
Sorted names of the files in hashed directories, remembered as long as the directories don't change.
"""

from __future__ import annotations

import os
import threading
import time
from typing import NamedTuple

from archipelagod.stores.names import UNFINISHED, page

# A file system's clock stands still for up to 10 ms (a tick): a directory read so soon after a
# change may change again and look the same.
UNSURE_NS = 100_000_000


class _Listed(NamedTuple):
    changed_ns: int  # the directory's own time
    is_sure: bool  # whether a later change would have another time
    names: list[str]


class Listing:
    """
    Names below ``root``, in the directories of its directories.  Any thread.

    What other processes do is seen as soon as the file system tells; what this one does, at once,
    by ``forget``.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._listed: dict[str, _Listed] = {}
        self._lock = threading.Lock()

    def page(self, room: str, after: str, limit: int | None, prefix: str) -> list[str]:
        """
        See IRecords.names.
        """
        top = f"{self._root}/{room}"
        try:
            found = os.listdir(top)  # noqa: PTH208
        except FileNotFoundError:
            return []
        with self._lock:
            parts = [self._names(f"{top}/{name}") for name in found]
        return page(parts, after, limit, prefix)

    def forget(self, directory: str) -> None:
        """
        This process changed the directory.
        """
        self._listed.pop(directory, None)

    def _names(self, directory: str) -> list[str]:
        try:
            changed_ns = os.stat(directory).st_mtime_ns  # noqa: PTH116
            known = self._listed.get(directory)
            if known is not None and known.is_sure and known.changed_ns == changed_ns:
                return known.names
            now_ns = time.time_ns()
            names = [name for name in os.listdir(directory) if name[0] != UNFINISHED]  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            self._listed.pop(directory, None)
            return []
        names.sort()
        self._listed[directory] = _Listed(changed_ns, now_ns - changed_ns > UNSURE_NS, names)
        return names

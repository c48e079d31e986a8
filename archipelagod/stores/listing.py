"""
Sorted names of the files in hashed directories, remembered as long as the directories don't change.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left, insort
from collections import deque
from itertools import chain
from typing import NamedTuple

from archipelagod.stores.names import UNFINISHED, page

# A file system's clock stands still for up to 10 ms (a tick): a directory read so soon after a
# change may change again and look the same.
UNSURE_NS = 100_000_000
FEW = 64  # changed names that are cheaper put in place than all names sorted


class Listing:
    """
    Names below ``root``, in the directories of its directories.  Any thread.

    What other processes do is seen as soon as the file system tells; what this one does, at once,
    by ``forget``.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._rooms: dict[str, _Room] = {}
        self._changed: deque[tuple[str, str]] = deque()  # room, directory; appending is atomic
        self._lock = threading.Lock()

    def page(self, room: str, after: str, limit: int | None, prefix: str) -> list[str]:
        """
        See IRecords.names.
        """
        with self._lock:
            while self._changed:
                where, directory = self._changed.popleft()
                self._room(where).doubt(directory)
            return page([self._room(room).names()], after, limit, prefix)

    def _room(self, name: str) -> _Room:
        return self._rooms.setdefault(name, _Room(f"{self._root}/{name}"))

    def forget(self, path: str) -> None:
        """
        This process changed the directory ``path``.
        """
        _, room, directory = path.rsplit("/", 2)
        self._changed.append((room, directory))


class _Listed(NamedTuple):
    """
    What a directory had.
    """

    changed_ns: int  # the directory's own time
    is_sure: bool  # whether a later change would have another time
    names: list[str]


_NOTHING = _Listed(-1, is_sure=False, names=[])


class _Room:
    """
    The names of all directories in ``path``, in one sorted list: a page takes one look at the time
    of each directory, and no more where that is the same.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._listed: dict[str, _Listed] = {}
        self._names: list[str] = []

    def doubt(self, directory: str) -> None:
        """
        It is to be read anew.
        """
        if (known := self._listed.get(directory)) is not None:
            self._listed[directory] = known._replace(is_sure=False)

    def names(self) -> list[str]:
        """
        All of them, sorted; not to be changed, and to be used before the next call.
        """
        gone, made = self._look()
        if len(gone) + len(made) > FEW:
            self._names = sorted(chain.from_iterable(each.names for each in self._listed.values()))
        else:
            for name in gone:
                del self._names[bisect_left(self._names, name)]
            for name in made:
                insort(self._names, name)
        return self._names

    def _look(self) -> tuple[set[str], set[str]]:
        """
        Names that are gone, and those that came, since the last look.
        """
        gone: set[str] = set()
        made: set[str] = set()
        try:
            top = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            directories: list[str] = []
        else:
            try:
                directories = os.listdir(top)  # noqa: PTH208
                for directory in directories:
                    self._look_at(top, directory, gone, made)
            finally:
                os.close(top)
        for directory in self._listed.keys() - directories:
            gone.update(self._listed.pop(directory).names)
        return gone, made

    def _look_at(self, top: int, directory: str, gone: set[str], made: set[str]) -> None:
        known = self._listed.get(directory, _NOTHING)
        try:
            changed_ns = os.stat(directory, dir_fd=top).st_mtime_ns
            if known.is_sure and known.changed_ns == changed_ns:
                return
            now_ns = time.time_ns()
            found = os.listdir(f"{self._path}/{directory}")  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            changed_ns, now_ns, found = -1, 0, []
        names = [name for name in found if name[0] != UNFINISHED]
        names.sort()
        self._listed[directory] = _Listed(changed_ns, now_ns - changed_ns > UNSURE_NS, names)
        if names != known.names:
            gone.update(set(known.names).difference(names))
            made.update(set(names).difference(known.names))

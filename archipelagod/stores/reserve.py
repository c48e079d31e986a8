"""
Space kept back on a file system, so that one that is full can still be read and emptied: to open
and to delete volumes takes a few small files.  Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

RESERVE_BYTES = 1 << 20
PART_BYTES = 64 << 10  # given up at a time: guests that write take what is free at once
ROOM = 16  # so many times as much must be free before we take anything
FULL = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """
    The file at ``path``.  Any thread, any process.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def refill(self) -> None:
        """
        Takes the space, if there is plenty.
        """
        with contextlib.suppress(OSError):
            if self._size() >= RESERVE_BYTES:
                return
            found = os.statvfs(os.path.dirname(self._path))  # noqa: PTH120
            if found.f_bavail * found.f_frsize < ROOM * RESERVE_BYTES:
                return
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
            finally:
                os.close(fd)

    def use(self, call: Callable[[], T]) -> T:
        """
        What ``call`` returns; when there is no space for it, some is given up, and it is called
        again.  Raises OSError.
        """
        while True:
            try:
                return call()
            except OSError as error:
                if error.errno not in FULL or not self._give_up():
                    raise

    def _give_up(self) -> bool:
        with contextlib.suppress(OSError):
            size = self._size()
            os.truncate(self._path, max(0, size - PART_BYTES))
            return size > 0
        return False

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size  # noqa: PTH116
        except FileNotFoundError:
            return 0

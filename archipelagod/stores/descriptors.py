"""
Descriptors that stay open as long as somebody uses them.  Standard library only.
"""

from __future__ import annotations

import errno
import os
import resource
import threading
from collections.abc import Callable
from typing import Any

SHARE = 4  # of the descriptors that the process may open, one cache keeps one in so many


class Descriptor(int):
    """
    A file descriptor that closes once nobody refers to it: a thread that reads can't have it reused
    under its hands.
    """

    on_failure: Callable[[OSError], None] | None = None

    def __del__(self) -> None:
        try:
            os.close(self)
        except OSError as error:  # NFS tells at close what it could not write
            if self.on_failure is not None:
                self.on_failure(error)


class Descriptors:
    """
    Open files by key, at most so many; the one opened first goes first.  Any thread.
    """

    def __init__(self, most: int) -> None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = max(1, min(most, limit // SHARE))
        self._kept: dict[Any, Descriptor] = {}
        self._failed: dict[Any, OSError] = {}
        self._lock = threading.Lock()
        self.get = self._kept.get  # None if it is not kept

    def open(self, key: Any, path: str, flags: int) -> Descriptor:
        """
        Opens and keeps the file.  Raises OSError.
        """
        try:
            fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.clear()
            fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        descriptor = Descriptor(fd)
        descriptor.on_failure = lambda error: self._failed.__setitem__(key, error)
        with self._lock:
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = descriptor
        return descriptor

    def drop(self, key: Any) -> None:
        """
        Keeps the file no longer.
        """
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        """
        Keeps nothing any longer.
        """
        with self._lock:
            self._kept.clear()

    def check(self, key: Any) -> None:
        """
        Raises the error, once, with which an earlier descriptor of the file was closed.
        """
        if self._failed and (error := self._failed.pop(key, None)) is not None:
            raise error

"""
Reading files that are kept open: what objects and blocks of a file store have in common.  Standard
library only: the data-path worker imports this.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from typing import Any

from archipelagod.stores.descriptors import Descriptor, Descriptors
from archipelagod.stores.file_copying import read_at


class OpenFiles:
    """
    Files by key, ``most`` of them open at most.  path: of the file of a key.  flags: to open it.

    Methods of the same name are described in IObjects.
    """

    def __init__(self, most: int, path: Callable[[Any], str], flags: int) -> None:
        self.descriptors = Descriptors(most)
        self.kept = self.descriptors.get
        self._path = path
        self._flags = flags
        self._only_cached = os.RWF_NOWAIT

    def open(self, key: Any) -> Descriptor:
        """
        A descriptor of the file, which is not among those kept.  Raises OSError.
        """
        return self.descriptors.open(key, self._path(key), self._flags)

    def anew(self, key: Any, error: OSError) -> Descriptor:
        """
        NFS: another host removed the file, or the server gave it a new handle.
        """
        if error.errno != errno.ESTALE:
            raise error
        self.descriptors.drop(key)
        return self.open(key)

    def read_into(self, key: Any, offset: int, view: memoryview) -> int:
        """See IObjects."""
        fd = self.kept(key) or self.open(key)
        try:
            count = os.preadv(fd, (view,), offset)
        except OSError as error:
            return read_at(self.anew(key, error), view, offset)
        if 0 < count < len(view):
            count += read_at(fd, view[count:], offset + count)
        return count

    def read_now(self, key: Any, offset: int, view: memoryview) -> bool:
        """See IObjects."""
        fd = self.kept(key) or self.open(key)
        try:
            return os.preadv(fd, (view,), offset, self._only_cached) == len(view)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            self._only_cached = 0  # tmpfs: everything is in memory anyway
            return False

    def prefetch(self, key: Any, offset: int, size: int) -> None:
        """See IObjects."""
        with contextlib.suppress(OSError):
            fd = self.kept(key) or self.open(key)
            os.posix_fadvise(fd, offset, size, os.POSIX_FADV_WILLNEED)

    def remove(self, key: Any) -> None:
        """See IObjects."""
        self.descriptors.drop(key)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(key))  # noqa: PTH108

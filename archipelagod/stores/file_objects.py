"""
Objects as sparse files in hashed directories.  Standard library only: the data-path worker imports
this.

``objects/<session & ff>/<session>/<sequence >> 10>/<sequence>``, all in hexadecimal.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable

from archipelagod.stores.descriptors import Descriptor, Descriptors
from archipelagod.stores.directories import make_directory, sync_directory
from archipelagod.stores.file_copying import clear, copy_range, read_at, write_at
from archipelagod.stores.system_calls import sync_file_system

HANDLES = 2000  # kept open at most


class FileObjects:
    """
    See IObjects.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._descriptors = Descriptors(HANDLES)
        self._kept = self._descriptors.get
        self._unsynced_names: set[int] = set()  # created, directory not yet flushed
        self._known_directories: set[str] = set()
        self._only_cached = os.RWF_NOWAIT
        make_directory(root)

    def _session(self, session: int) -> str:
        return f"{self._root}/{session & 0xFF:02x}/{session:08x}"

    def _directory(self, oid: int) -> str:
        return f"{self._session(oid >> 32)}/{(oid & 0xFFFFFFFF) >> 10:06x}"

    def path(self, oid: int) -> str:
        """
        The file of the object.
        """
        return f"{self._directory(oid)}/{oid & 0xFFFFFFFF:08x}"

    def _open(self, oid: int) -> Descriptor:
        return self._descriptors.open(oid, self.path(oid), os.O_RDWR)

    def create(self, oid: int) -> None:
        """See IObjects."""
        directory = self._directory(oid)
        if directory not in self._known_directories:
            make_directory(directory)
            self._known_directories.add(directory)
        self._descriptors.open(oid, self.path(oid), os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self._unsynced_names.add(oid)

    def read_into(self, oid: int, offset: int, view: memoryview) -> int:
        """See IObjects."""
        fd = self._kept(oid) or self._open(oid)
        try:
            count = os.preadv(fd, (view,), offset)
        except OSError as error:
            return read_at(self._anew(oid, error), view, offset)
        if 0 < count < len(view):
            count += read_at(fd, view[count:], offset + count)
        return count

    def _anew(self, oid: int, error: OSError) -> Descriptor:
        """
        NFS: another host removed the file, or the server gave it a new handle.
        """
        if error.errno != errno.ESTALE:
            raise error
        self._descriptors.drop(oid)
        return self._open(oid)

    def read_now(self, oid: int, offset: int, view: memoryview) -> bool:
        """See IObjects."""
        fd = self._kept(oid) or self._open(oid)
        try:
            return os.preadv(fd, (view,), offset, self._only_cached) == len(view)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            self._only_cached = 0  # tmpfs: everything is in memory anyway
            return False

    def write(self, oid: int, offset: int, data: bytes | memoryview) -> None:
        """See IObjects."""
        fd = self._kept(oid) or self._open(oid)
        try:
            count = os.pwrite(fd, data, offset)
        except OSError as error:
            write_at(self._anew(oid, error), data, offset)
            return
        if count < len(data):
            write_at(fd, memoryview(data)[count:], offset + count)

    def copy_range(self, source: int, target: int, offset: int, size: int) -> None:
        """See IObjects."""
        origin = self._kept(source) or self._open(source)
        copy_range(origin, self._kept(target) or self._open(target), offset, size)

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        clear(self._kept(oid) or self._open(oid), offset, size)

    def prefetch(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        with contextlib.suppress(OSError):
            fd = self._kept(oid) or self._open(oid)
            os.posix_fadvise(fd, offset, size, os.POSIX_FADV_WILLNEED)

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects."""
        directories = set()
        named = []
        for oid in oids:
            with contextlib.suppress(FileNotFoundError):
                os.fdatasync(self._kept(oid) or self._open(oid))
            self._descriptors.check(oid)
            if oid in self._unsynced_names:
                directories.add(self._directory(oid))
                named.append(oid)
        for directory in directories:
            with contextlib.suppress(FileNotFoundError):  # all of it was removed meanwhile
                sync_directory(directory)
        self._unsynced_names.difference_update(named)

    def flush_all(self) -> None:
        """See IObjects."""
        sync_file_system(self._root)

    def remove(self, oid: int) -> None:
        """See IObjects."""
        self._descriptors.drop(oid)
        self._unsynced_names.discard(oid)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(oid))  # noqa: PTH108

    def of_session(self, session: int) -> list[int]:
        """See IObjects."""
        files = os.walk(self._session(session))
        return [session << 32 | int(name, 16) for _, _, names in files for name in names]

    def sessions(self) -> list[int]:
        """See IObjects."""
        found: list[int] = []
        for part in os.listdir(self._root):  # noqa: PTH208 - pathlib costs the worker start time
            found.extend(int(name, 16) for name in os.listdir(f"{self._root}/{part}"))  # noqa: PTH208
        return sorted(found)

    def tidy(self, session: int) -> None:
        """See IObjects."""
        for path, _, _ in os.walk(self._session(session), topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)  # noqa: PTH106
                self._known_directories.discard(path)

    def space(self, oid: int) -> int:
        """See IObjects."""
        return os.stat(self.path(oid)).st_blocks * 512  # noqa: PTH116

    def fd(self, oid: int) -> int | None:
        """See IObjects."""
        return self._kept(oid) or self._open(oid)

    def close(self) -> None:
        """See IObjects."""
        self._descriptors.clear()

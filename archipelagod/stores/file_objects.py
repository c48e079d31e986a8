"""
Objects as sparse files in hashed directories.  Standard library only: the data-path worker imports
this.

``objects/<session & ff>/<session>/<sequence >> 10>/<sequence>``, all in hexadecimal.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from archipelagod.stores.directories import make_directory, sync_directory
from archipelagod.stores.file_copying import clear, copy_range, write_at
from archipelagod.stores.open_files import OpenFiles
from archipelagod.stores.system_calls import start_writing, sync_file_system

HANDLES = 2000  # kept open at most


class FileObjects:
    """
    See IObjects.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._files = OpenFiles(HANDLES, self.path, os.O_RDWR)
        self._kept = self._files.kept
        self._open = self._files.open
        self._unsynced_names: set[int] = set()  # created, directory not yet flushed
        self._known_directories: set[str] = set()
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

    def create(self, oid: int) -> None:
        """See IObjects."""
        directory = self._directory(oid)
        if directory not in self._known_directories:
            make_directory(directory)
            self._known_directories.add(directory)
        self._files.descriptors.open(oid, self.path(oid), os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self._unsynced_names.add(oid)

    def read_into(self, oid: int, offset: int, view: memoryview) -> int:
        """See IObjects."""
        return self._files.read_into(oid, offset, view)

    def read_now(self, oid: int, offset: int, view: memoryview) -> bool:
        """See IObjects."""
        return self._files.read_now(oid, offset, view)

    def write(self, oid: int, offset: int, data: bytes | memoryview) -> None:
        """See IObjects."""
        fd = self._kept(oid) or self._open(oid)
        try:
            count = os.pwrite(fd, data, offset)
        except OSError as error:
            write_at(self._files.anew(oid, error), data, offset)
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
        self._files.prefetch(oid, offset, size)

    def start_writing(self, oids: Iterable[int]) -> None:
        """See IObjects."""
        for oid in oids:
            with contextlib.suppress(OSError):
                start_writing(self._kept(oid) or self._open(oid))

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects."""
        directories = set()
        named = []
        everything = list(oids)
        if len(everything) > 1:  # the medium is to have work for all of them at once
            self.start_writing(everything)
        for oid in everything:
            with contextlib.suppress(FileNotFoundError):
                os.fdatasync(self._kept(oid) or self._open(oid))
            self._files.descriptors.check(oid)
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
        self._unsynced_names.discard(oid)
        self._files.remove(oid)

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

    def fd(self, oid: int) -> int:
        """See IObjects."""
        return self._kept(oid) or self._open(oid)

    def close(self) -> None:
        """See IObjects."""
        self._files.descriptors.clear()

"""
Records as files, replaced by rename.  Standard library only: the data-path worker imports this.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import zlib

from archipelagod.stores.directories import make_directory, sync_directory

UNFINISHED = "~"  # begins the names of temporary files; no record's name has it


class FileLog:
    """
    See ILog.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size

    def append(self, data: bytes) -> None:
        """See ILog."""
        try:
            _write_all(self._fd, data)
        except OSError:
            os.ftruncate(self._fd, self._size)  # half a record would hide all that follow it
            raise
        self._size += len(data)

    def sync(self) -> None:
        """See ILog."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """See ILog."""
        os.close(self._fd)


class FileRecords:
    """
    See IRecords.  ``<root>/<room>/<hash of the name>/<name>``.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._serial = itertools.count()
        self._lock = threading.Lock()  # makes "unless it exists" hold between threads
        make_directory(root)

    def _directory(self, room: str, name: str) -> str:
        return f"{self._root}/{room}/{zlib.crc32(name.encode()) & 0xFF:02x}"

    def _path(self, room: str, name: str) -> str:
        if "/" in name or "\0" in name or name in ("", ".", "..") or len(name) > 140:
            raise FileNotFoundError(2, "no record can have that name")
        return f"{self._directory(room, name)}/{name}"

    def get(self, room: str, name: str, size: int = -1) -> bytes:
        """See IRecords."""
        with open(self._path(room, name), "rb") as file:  # noqa: PTH123
            return file.read(size)

    def put(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        os.close(self._write(room, name, value))

    def _write(self, room: str, name: str, value: bytes) -> int:
        """
        Does ``put``; the descriptor of the new file, at whose end it writes.
        """
        directory = self._directory(room, name)
        make_directory(directory)
        unfinished = f"{directory}/{UNFINISHED}{os.getpid()}.{next(self._serial)}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(unfinished, flags, 0o600)
        try:
            _write_all(fd, value)
            os.fdatasync(fd)
            os.rename(unfinished, self._path(room, name))  # noqa: PTH104
            sync_directory(directory)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(unfinished)  # noqa: PTH108
            raise
        return fd

    def create(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        with self._lock:
            if os.path.exists(self._path(room, name)):  # noqa: PTH110
                raise FileExistsError(17, f"record {room}/{name} exists")
            self.put(room, name, value)

    def move(self, room: str, name: str, to_room: str, to_name: str) -> None:
        """See IRecords."""
        target = self._directory(to_room, to_name)
        make_directory(target)
        with self._lock:
            if os.path.exists(self._path(to_room, to_name)):  # noqa: PTH110
                raise FileExistsError(17, f"record {to_room}/{to_name} exists")
            os.rename(self._path(room, name), f"{target}/{to_name}")  # noqa: PTH104
        sync_directory(target)
        sync_directory(self._directory(room, name))

    def remove(self, room: str, name: str) -> None:
        """See IRecords."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(room, name))  # noqa: PTH108
            sync_directory(self._directory(room, name))

    def names(self, room: str) -> list[str]:
        """See IRecords."""
        found: list[str] = []
        for _, _, names in os.walk(f"{self._root}/{room}"):
            found.extend(name for name in names if not name.startswith(UNFINISHED))
        return sorted(found)

    def log(self, room: str, name: str, start: bytes, replaces: bool = False) -> FileLog:
        """See IRecords."""
        with self._lock:
            if not replaces and os.path.exists(self._path(room, name)):  # noqa: PTH110
                raise FileExistsError(17, f"record {room}/{name} exists")
            return FileLog(self._write(room, name, start), len(start))

    def remove_unfinished(self) -> int:
        """
        Removes what writers killed half-way left; call before anybody writes.  Returns the count.
        """
        count = 0
        for path, _, names in os.walk(self._root):
            for name in names:
                if name.startswith(UNFINISHED):
                    os.unlink(f"{path}/{name}")  # noqa: PTH108
                    count += 1
        return count


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]

"""
Records as files.  Standard library only: the data-path worker imports this.

Safe between processes, and between the clients of an NFS server: a value gets its name by rename or
link, when it is whole and on stable storage.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import zlib
from queue import SimpleQueue

from archipelagod.stores.directories import make_directory, sync_directory
from archipelagod.stores.doubt import InDoubt
from archipelagod.stores.file_copying import read_all, write_at
from archipelagod.stores.listing import Listing
from archipelagod.stores.names import UNFINISHED, checked_name
from archipelagod.stores.reserve import FULL, Reserve
from archipelagod.stores.system_calls import CANNOT, rename_new
from archipelagod.stores.unfinished import Unfinished, forget, link_new

LEAST_AHEAD, MOST_AHEAD = 64 << 10, 4 << 20  # bytes that a log is longer than what it has
SYNCS = 4  # of a log at once


class FileLog:
    """
    See ILog.

    It is overwritten, not extended: to sync bytes that the file has already costs half as much, for
    the file system has nothing to commit.  Space that was only allocated would not do, it has to be
    marked as written.

    Every sync has an open file to itself: of one that several share the kernel would tell only the
    first that the medium failed, and the others would believe in what is not there.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._room = size  # bytes of the file
        self._lock = threading.Lock()
        self._syncing: list[int] = []  # open files, from the first sync on
        self._idle: SimpleQueue[int] = SimpleQueue()  # those of them that nobody uses

    def append(self, data: bytes | bytearray) -> None:
        """See ILog."""
        end = self._size + len(data)
        try:
            write_at(self._fd, data, self._size)
            if end > self._room:
                self._make_room(end)
        except OSError as error:
            self._take_back(end, error)
            raise
        self._size = end

    def _take_back(self, end: int, error: OSError) -> None:
        """
        Half a record would hide all that follow it.  Room that was there before stays, for shorter
        ones.
        """
        try:
            os.ftruncate(self._fd, self._room)
            write_at(self._fd, bytes(min(end, self._room) - self._size), self._size)
        except OSError:
            self._cut(error)

    def _cut(self, error: OSError) -> None:
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            raise InDoubt(*error.args) from error
        self._room = self._size

    def _make_room(self, end: int) -> None:
        """
        Writes zeros ahead, as many as there are bytes already, if there is space.
        """
        self._room = end
        ahead = min(max(end, LEAST_AHEAD), MOST_AHEAD)
        try:
            write_at(self._fd, bytes(ahead), end)
        except OSError as error:
            if error.errno not in FULL:
                raise
            os.ftruncate(self._fd, end)  # others need it more
        else:
            self._room += ahead

    def sync(self) -> None:
        """See ILog."""
        if not self._syncing:
            self._open_files()
        fd = self._idle.get()
        try:
            os.fdatasync(fd)
        finally:
            self._idle.put(fd)

    def _open_files(self) -> None:
        """
        All of them before the first sync: one opened after another told of a failure would not.
        """
        with self._lock:
            if self._syncing:
                return
            path = f"/proc/self/fd/{self._fd}"
            opened: list[int] = []
            with contextlib.suppress(OSError):  # too many are open: fewer at once
                opened.extend(os.open(path, os.O_RDONLY | os.O_CLOEXEC) for _ in range(SYNCS))
            opened = opened or [os.dup(self._fd)]
            for fd in opened:
                self._idle.put(fd)
            self._syncing = opened

    def restart(self, start: bytes) -> None:
        """See ILog.  What is written is in one sector."""
        write_at(self._fd, start, 0)
        os.fdatasync(self._fd)
        self._size = len(start)

    def close(self) -> None:
        """See ILog."""
        for fd in [self._fd, *self._syncing]:
            os.close(fd)


class FileRecords:
    """
    See IRecords.  ``<root>/<room>/<hash of the name>/<name>``.

    Replacing and moving records may use the reserve, new records and logs may not.
    """

    def __init__(self, root: str, reserve: Reserve | None = None) -> None:
        self._root = root
        self._reserve = reserve or Reserve(f"{root}/{UNFINISHED}reserve")
        self._listing = Listing(root)
        self._unfinished = Unfinished(root)
        make_directory(root)

    def _directory(self, room: str, name: str) -> str:
        return f"{self._root}/{room}/{zlib.crc32(name.encode()) & 0xFF:02x}"

    def _path(self, room: str, name: str) -> str:
        return f"{self._directory(room, checked_name(name))}/{name}"

    def get(self, room: str, name: str, size: int = -1) -> bytes:
        """See IRecords."""
        fd = os.open(self._path(room, name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_all(fd) if size < 0 else os.read(fd, size)
        finally:
            os.close(fd)

    def view(self, room: str, name: str) -> memoryview:
        """See IRecords."""
        with open(self._path(room, name), "rb") as file:  # noqa: PTH123
            if not os.fstat(file.fileno()).st_size:
                return memoryview(bytearray())
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))

    def stamp(self, room: str, name: str) -> float:
        """See IRecords."""
        return os.stat(self._path(room, name)).st_mtime  # noqa: PTH116

    def put(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        os.close(self._reserve.use(lambda: self._write(room, name, value, replaces=True)))

    def create(self, room: str, name: str, value: bytes) -> None:
        """See IRecords."""
        os.close(self._write(room, name, value, replaces=False))

    def log(self, room: str, name: str, start: bytes, replaces: bool = False) -> FileLog:
        """See IRecords."""
        return FileLog(self._write(room, name, start, replaces=replaces), len(start))

    def _write(self, room: str, name: str, value: bytes, *, replaces: bool) -> int:
        """
        The descriptor of the new file, at whose end it writes.
        """
        path, directory = self._path(room, name), self._directory(room, name)
        unfinished, fd = self._unfinished.write(value)
        try:
            make_directory(directory)
            if replaces:
                os.rename(unfinished, path)  # noqa: PTH104
            else:
                link_new(unfinished, fd, path)
            self._listing.forget(directory)
            sync_directory(directory)
        except BaseException:
            forget(unfinished)
            os.close(fd)
            raise
        return fd

    def move(self, room: str, name: str, to_room: str, to_name: str) -> None:
        """See IRecords."""
        self._reserve.use(lambda: self._move(room, name, to_room, to_name))

    def _move(self, room: str, name: str, to_room: str, to_name: str) -> None:
        source, target = self._path(room, name), self._path(to_room, to_name)
        from_directory, to_directory = self._directory(room, name), os.path.dirname(target)  # noqa: PTH120
        make_directory(to_directory)
        try:
            rename_new(source, target)
        except OSError as error:
            if error.errno not in CANNOT:
                raise
            _relink(source, target)  # NFS
        self._listing.forget(from_directory)
        self._listing.forget(to_directory)
        sync_directory(to_directory)
        sync_directory(from_directory)

    def remove(self, room: str, name: str) -> None:
        """See IRecords."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(room, name))  # noqa: PTH108
            self._listing.forget(self._directory(room, name))
            sync_directory(self._directory(room, name))
        self._reserve.refill()

    def names(
        self, room: str, after: str = "", limit: int | None = None, prefix: str = ""
    ) -> list[str]:
        """See IRecords."""
        return self._listing.page(room, after, limit, prefix)


def _relink(source: str, target: str) -> None:
    """
    Renames by way of both names.  A move that was cut short there is finished.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        if not os.path.samefile(source, target):  # noqa: PTH121
            raise
    sync_directory(os.path.dirname(target))  # noqa: PTH120
    os.unlink(source)  # noqa: PTH108

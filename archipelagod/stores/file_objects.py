"""
Objects as sparse files in hashed directories.  Standard library only: the data-path worker imports
this.

``objects/<session & ff>/<session>/<sequence >> 10>/<sequence>``, all in hexadecimal.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import threading
from collections.abc import Iterable

from archipelagod.stores.directories import make_directory, sync_directory

HANDLES = 2000  # kept open at most; half of what the process may open, if that is less
FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE = 1, 2


class _Handle:
    """
    A descriptor that closes once nobody uses it: a thread that reads can't have it reused under
    its hands.
    """

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


class FileObjects:
    """
    See IObjects.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._handles: dict[int, _Handle] = {}
        self._unsynced_names: set[int] = set()  # created, directory not yet flushed
        self._known_directories: set[str] = set()
        self._lock = threading.Lock()
        self._only_cached = os.RWF_NOWAIT
        self._most_handles = min(HANDLES, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._make_directory(root)

    def _directory(self, oid: int) -> str:
        session, sequence = oid >> 32, oid & 0xFFFFFFFF
        return f"{self._root}/{session & 0xFF:02x}/{session:08x}/{sequence >> 10:06x}"

    def _path(self, oid: int) -> str:
        return f"{self._directory(oid)}/{oid & 0xFFFFFFFF:08x}"

    def _make_directory(self, path: str) -> None:
        if path not in self._known_directories:
            with self._lock:
                make_directory(path)
                self._known_directories.add(path)

    def _handle(self, oid: int) -> _Handle:
        return self._handles.get(oid) or self._keep(
            oid, os.open(self._path(oid), os.O_RDWR | os.O_CLOEXEC)
        )

    def _keep(self, oid: int, fd: int) -> _Handle:
        handle = _Handle(fd)
        with self._lock:
            while len(self._handles) >= self._most_handles:
                del self._handles[next(iter(self._handles))]
            self._handles[oid] = handle
        return handle

    def create(self, oid: int) -> None:
        """See IObjects."""
        self._create(oid)

    def _create(self, oid: int) -> _Handle:
        self._make_directory(self._directory(oid))
        fd = os.open(self._path(oid), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._unsynced_names.add(oid)
        return self._keep(oid, fd)

    def read_into(self, oid: int, offset: int, view: memoryview) -> int:
        """See IObjects."""
        handle = self._handles.get(oid) or self._handle(oid)
        count = os.preadv(handle.fd, (view,), offset)
        while 0 < count < len(view):
            more = os.preadv(handle.fd, (view[count:],), offset + count)
            if not more:
                break
            count += more
        return count

    def read_now(self, oid: int, offset: int, view: memoryview) -> bool:
        """See IObjects."""
        handle = self._handles.get(oid) or self._handle(oid)
        try:
            return os.preadv(handle.fd, (view,), offset, self._only_cached) == len(view)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            self._only_cached = 0  # tmpfs: everything is in memory anyway
            return False

    def write(self, oid: int, offset: int, data: bytes | memoryview) -> None:
        """See IObjects."""
        handle = self._handles.get(oid) or self._handle(oid)
        count = os.pwrite(handle.fd, data, offset)
        while count < len(data):
            count += os.pwrite(handle.fd, memoryview(data)[count:], offset + count)

    def copy(self, source: int, target: int) -> None:
        """See IObjects."""
        origin = self._handle(source)
        copy = self._create(target)
        try:
            _copy_content(origin.fd, copy.fd)
        except BaseException:
            self.remove(target)
            raise

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        handle = self._handle(oid)
        size = min(size, os.fstat(handle.fd).st_size - offset)
        if size > 0 and not _punch(handle.fd, offset, size):
            self.write(oid, offset, bytes(size))

    def prefetch(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        with contextlib.suppress(OSError):
            os.posix_fadvise(self._handle(oid).fd, offset, size, os.POSIX_FADV_WILLNEED)

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects."""
        directories = set()
        named = []
        for oid in oids:
            with contextlib.suppress(FileNotFoundError):
                os.fdatasync(self._handle(oid).fd)
            if oid in self._unsynced_names:
                directories.add(self._directory(oid))
                named.append(oid)
        for directory in directories:
            sync_directory(directory)
        self._unsynced_names.difference_update(named)

    def flush_all(self) -> None:
        """See IObjects."""
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.syncfs(fd):
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(fd)

    def remove(self, oid: int) -> None:
        """See IObjects."""
        with self._lock:
            self._handles.pop(oid, None)
        self._unsynced_names.discard(oid)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(oid))  # noqa: PTH108

    def of_session(self, session: int) -> list[int]:
        """See IObjects."""
        top = f"{self._root}/{session & 0xFF:02x}/{session:08x}"
        return [session << 32 | int(name, 16) for _, _, names in os.walk(top) for name in names]

    def tidy(self, session: int) -> None:
        """See IObjects."""
        top = f"{self._root}/{session & 0xFF:02x}/{session:08x}"
        for path, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)  # noqa: PTH106
                self._known_directories.discard(path)

    def close(self) -> None:
        """See IObjects."""
        with self._lock:
            self._handles.clear()


def _copy_content(source: int, target: int) -> None:
    """
    Copies data, not holes; ``copy_file_range`` shares blocks by itself on xfs and btrfs.
    """
    size = os.fstat(source).st_size
    os.ftruncate(target, size)
    at = 0
    while at < size:
        try:
            start = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        at = os.lseek(source, start, os.SEEK_HOLE)
        while start < at:
            done = os.copy_file_range(source, target, at - start, start, start)
            if not done:
                raise OSError(errno.EIO, "object shrank while it was copied")
            start += done


def _punch(fd: int, offset: int, size: int) -> bool:
    """
    Frees the range in the file; False where the file system can't.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    mode = FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE
    if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(size)) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EOPNOTSUPP, errno.ENOSYS):
        return False
    raise OSError(number, os.strerror(number))

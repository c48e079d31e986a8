"""
Leases as locked files: the kernel ends them with the process.  Standard library only.

The locks are of the open file (F_OFD_SETLK): others can ask for them without taking them.

``leases/<name>`` holds what the holder said.  On NFS the server keeps the locks, and ends them when
it has not heard of the client for its lease time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time

from archipelagod.stores.directories import make_directory
from archipelagod.stores.leases import LeaseHeld
from archipelagod.stores.names import checked_name
from archipelagod.stores.reserve import Reserve
from archipelagod.wire.errors import LeaseLost

TRIES, PAUSE_S = 5, 0.01  # who releases a lease unlinks its file a moment before it unlocks it
_MAX_HOLDER = 4096
_FLOCK = struct.Struct("hhqqi0q")  # struct flock: type, whence, start, length, pid
_WHOLE_FILE = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class FileLease:
    """
    See ILease.  The lock goes with the descriptor.
    """

    def __init__(self, name: str, path: str, fd: int, holder: bytes) -> None:
        self.name = name
        self._path = path
        self._fd = fd
        self._holder = holder

    def check(self) -> None:
        """See ILease."""
        if self._fd < 0 or not _is_named(self._fd, self._path):
            raise LeaseLost(f"{self.name}: the lease was released or taken away")
        if os.pread(self._fd, _MAX_HOLDER, 0) != self._holder:
            raise LeaseLost(f"{self.name}: somebody else wrote into the lease")

    def release(self) -> None:
        """See ILease."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            if _is_named(fd, self._path):
                os.unlink(self._path)  # noqa: PTH108
        except FileNotFoundError:
            pass  # taken away in this moment
        finally:
            os.close(fd)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class FileLeases:
    """
    See ILeases.
    """

    def __init__(self, root: str, reserve: Reserve | None = None) -> None:
        self._root = root
        self._reserve = reserve or Reserve(f"{root}.reserve")
        make_directory(root)

    def _path(self, name: str) -> str:
        return f"{self._root}/{checked_name(name)}"

    def acquire(self, name: str, holder: bytes) -> FileLease:
        """See ILeases."""
        return self._reserve.use(lambda: self._acquired(name, holder))

    def _acquired(self, name: str, holder: bytes) -> FileLease:
        path = self._path(name)
        for tried in range(TRIES):
            if tried:
                time.sleep(PAUSE_S)
            fd = _locked(path)
            if fd is None:
                continue
            try:
                _write(fd, holder[:_MAX_HOLDER])
            except BaseException:
                os.close(fd)
                raise
            return FileLease(name, path, fd, holder[:_MAX_HOLDER])
        raise LeaseHeld(name, self._said(path))

    def holder(self, name: str) -> bytes | None:
        """See ILeases."""
        path = self._path(name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            found = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _WHOLE_FILE)
        finally:
            os.close(fd)
        is_free = _FLOCK.unpack(found)[0] == fcntl.F_UNLCK
        return None if is_free else self._said(path)

    def _said(self, path: str) -> bytes:
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                return file.read(_MAX_HOLDER)
        except FileNotFoundError:
            return b""

    def take_away(self, name: str) -> None:
        """See ILeases."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))  # noqa: PTH108


def _locked(path: str) -> int | None:
    """
    A descriptor with the lock on the file that has this name now; None if another has it.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT, 0o600)
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _WHOLE_FILE)
            if _is_named(fd, path):
                return fd
        except BlockingIOError:
            os.close(fd)
            return None
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # unlinked between opening and locking


def _write(fd: int, holder: bytes) -> None:
    """
    Makes ``holder`` the file's content.  Never by way of an empty file: ext4 would wait for the
    medium when that is closed.
    """
    os.pwrite(fd, holder, 0)
    if os.fstat(fd).st_size > len(holder):
        os.ftruncate(fd, len(holder))


def _is_named(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))  # noqa: PTH116
    except OSError:  # ESTALE too: NFS
        return False

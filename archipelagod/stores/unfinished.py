"""
Files that are not yet what they will be: written under a name of their own, then linked or renamed.
Standard library only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
import zlib
from functools import cache

from archipelagod.stores.directories import make_directory
from archipelagod.stores.names import UNFINISHED

ABANDONED_S = 86400.0  # a file of a host that is not ours is somebody's for at least so long

_serial = itertools.count()


@cache
def _place() -> str:
    """
    Where process numbers mean what they mean here: this boot of this host, and in a container this
    container.
    """
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:  # noqa: PTH123
        boot = file.read()
    return f"{zlib.crc32(boot + b'%d' % os.stat('/proc/self/ns/pid').st_ino):08x}"  # noqa: PTH116


class Unfinished:
    """
    ``<root>/~/<place>.<process>.<serial>``: one directory, so that nobody has to look for them.
    """

    def __init__(self, root: str) -> None:
        self._directory = f"{root}/{UNFINISHED}"

    def write(self, content: bytes) -> tuple[str, int]:
        """
        Path and descriptor (for writing, at its end) of a new file with ``content``, which is on
        stable storage.  Raises OSError, and leaves nothing then.
        """
        path = f"{self._directory}/{_place()}.{os.getpid()}.{next(_serial)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o600)
        except FileNotFoundError:
            make_directory(self._directory)
            fd = os.open(path, flags, 0o600)
        try:
            write_all(fd, content)
            os.fdatasync(fd)
        except BaseException:
            os.close(fd)
            forget(path)
            raise
        return path, fd

    def remove(self) -> int:
        """
        Removes what dead writers left; what a living one may be writing stays.  Returns the count.
        """
        count = 0
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._directory):  # noqa: PTH208 - pathlib costs start time
                path = f"{self._directory}/{name}"
                if _is_abandoned(path, name):
                    forget(path)
                    count += 1
        return count


def write_all(fd: int, data: bytes) -> None:
    """
    Writes all of ``data`` where the descriptor stands.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def link_new(unfinished: str, fd: int, path: str) -> None:
    """
    Gives the file its name ``path``.  Raises FileExistsError if that is taken.
    """
    try:
        os.link(unfinished, path)
    except FileExistsError:
        # NFS: the answer was lost, and the question asked again of a server that had done it
        if os.fstat(fd).st_nlink != 2:
            raise
    forget(unfinished)


def forget(path: str) -> None:
    """
    The file is gone, if it can be removed.
    """
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def _is_abandoned(path: str, name: str) -> bool:
    place, _, rest = name.partition(".")
    process = rest.partition(".")[0]
    if place == _place() and process.isdecimal() and not _is_alive(int(process)):
        return True
    try:
        return time.time() - os.stat(path).st_mtime > ABANDONED_S  # noqa: PTH116
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

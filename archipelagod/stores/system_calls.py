"""
System calls that Python 3.11 does not have.  Standard library only; ctypes is loaded when the first
of them is made.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctypes import CDLL

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_FILE_RANGE_WRITE = 2
CANNOT = frozenset((errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))


@cache
def _libc() -> CDLL:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _failure(call: Callable[[], int]) -> int:
    """
    The error number of the call, 0 for none.  Interrupted calls are made again.
    """
    import ctypes

    while call():
        number = ctypes.get_errno()
        if number != errno.EINTR:
            return number
    return 0


def sync_file_system(path: str) -> None:
    """
    Returns when everything on the file system of ``path`` is on stable storage.  Raises OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        number = _failure(lambda: int(_libc().syncfs(fd)))
    finally:
        os.close(fd)
    if number:
        raise OSError(number, os.strerror(number), path)


def start_writing(fd: int) -> None:
    """
    Begins to write what is dirty of the file to the medium, if the kernel can; nothing is stable.
    """
    import ctypes

    _libc().sync_file_range(fd, ctypes.c_long(0), ctypes.c_long(0), _FILE_RANGE_WRITE)


def punch(fd: int, offset: int, size: int) -> bool:
    """
    Frees the range in the file; False where the file system can't.  Raises OSError.
    """
    import ctypes

    start, length = ctypes.c_long(offset), ctypes.c_long(size)
    mode = _PUNCH_HOLE | _KEEP_SIZE
    number = _failure(lambda: int(_libc().fallocate(fd, mode, start, length)))
    if number and number not in CANNOT:
        raise OSError(number, os.strerror(number))
    return not number


def rename_new(source: str, target: str) -> None:
    """
    Renames, but never over another file.  Raises FileExistsError, FileNotFoundError, and OSError
    with one of the numbers in CANNOT where the file system has no such call.
    """
    names = os.fsencode(source), os.fsencode(target)
    number = _failure(
        lambda: int(_libc().renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_NOREPLACE))
    )
    if number:
        raise OSError(number, os.strerror(number), source, None, target)

"""
Copying and clearing ranges of sparse files.  Standard library only.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from archipelagod.stores.system_calls import punch

UNIT = 4096
_STEP = 1 << 20
_NO_COPY = frozenset((errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF))


def copy_range(source: int, target: int, offset: int, size: int) -> None:
    """
    Makes the range of ``target`` read as that of ``source``; see IObjects.  Raises OSError.
    """
    end = min(offset + size, os.fstat(source).st_size)
    at = offset
    while at < end:
        start = min(_next_data(source, at), end)
        clear(target, at, start - at)
        if start == end:
            break
        at = min(os.lseek(source, start, os.SEEK_HOLE), end)
        _copy_data(source, target, start, at)
    end = max(end, offset)
    clear(target, end, offset + size - end)


def clear(fd: int, offset: int, size: int) -> None:
    """
    The range reads as zeros and takes no space, where the file system can.  The file's size stays.
    """
    end = min(offset + size, os.fstat(fd).st_size)
    if offset >= end or _next_data(fd, offset) >= end:
        return
    if not punch(fd, offset, end - offset):
        write_at(fd, bytes(end - offset), offset)


def write_at(fd: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    """
    Writes all of ``data`` at ``offset``.  Raises OSError.
    """
    count = os.pwrite(fd, data, offset)
    while count < len(data):
        count += os.pwrite(fd, memoryview(data)[count:], offset + count)


def read_at(fd: int, view: memoryview, offset: int) -> int:
    """
    Fills ``view`` from ``offset``; the count is short at the end of the file.  Raises OSError.
    """
    count = os.preadv(fd, (view,), offset)
    while 0 < count < len(view):
        more = os.preadv(fd, (view[count:],), offset + count)
        if not more:
            break
        count += more
    return count


def read_all(fd: int) -> bytes:
    """
    What the file has, from where the descriptor stands.  Raises OSError.
    """
    size = os.fstat(fd).st_size
    content = os.read(fd, size + 1)
    while len(content) < size and (more := os.read(fd, size - len(content))):
        content += more
    return content


def allocated(fd: int, offset: int, size: int) -> Iterator[tuple[int, bool]]:
    """
    The range as (bytes, holds data) parts, which begin and end at multiples of UNIT or where the
    range does; what is no data reads as zeros.  Of all that is data where the file system can't
    tell.  Raises OSError.
    """
    at, end = offset, offset + size
    while at < end:
        data = _next_data(fd, at)
        start = max(at, min(data // UNIT * UNIT, end))
        if start > at:
            yield start - at, False
        if start < end:
            hole = _seek(fd, max(start, data), os.SEEK_HOLE)
            at = min(-(-hole // UNIT) * UNIT, end)
            yield at - start, True
        else:
            at = end


def _next_data(fd: int, at: int) -> int:
    return _seek(fd, at, os.SEEK_DATA)


def _seek(fd: int, at: int, what: int) -> int:
    """
    Where there is such a thing from ``at`` on; very far away if nowhere.
    """
    try:
        return os.lseek(fd, at, what)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return 1 << 62


def _copy_data(source: int, target: int, at: int, end: int) -> None:
    """
    Copies what is no hole; ``copy_file_range`` shares blocks by itself on xfs, btrfs and NFS 4.2.
    """
    while at < end:
        try:
            done = os.copy_file_range(source, target, end - at, at, at)
        except OSError as error:
            if error.errno not in _NO_COPY:
                raise
            done = 0
        at += done or _copy_by_hand(source, target, at, min(end, at + _STEP))


def _copy_by_hand(source: int, target: int, at: int, end: int) -> int:
    data = os.pread(source, end - at, at)
    if not data:
        raise OSError(errno.EIO, "object shrank while it was copied")
    write_at(target, data, at)
    return len(data)

"""
Objects in files, read and written past the page cache (O_DIRECT).  Standard library only.

The kernel wants whole blocks at whole blocks' places in memory and file: what is asked for goes
through buffers of our own, and a part of a block is read, changed and written under a lock.
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from archipelagod.stores.descriptors import Descriptors
from archipelagod.stores.file_objects import HANDLES, FileObjects

BLOCK = 4096  # no medium has larger ones
_STEP = 1 << 20  # bytes moved at once
_LOCKS = 64


class DirectObjects:
    """
    See IObjects.  Only the process that owns an object may write it, as ever.
    """

    def __init__(self, root: str) -> None:
        self._files = FileObjects(root)
        self._descriptors = Descriptors(HANDLES)
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._buffers: deque[mmap.mmap] = deque(maxlen=_LOCKS)
        _check(root)

    def _fd(self, oid: int) -> int:
        return self._descriptors.get(oid) or self._descriptors.open(
            oid, self._files.path(oid), os.O_RDWR | os.O_DIRECT
        )

    @contextmanager
    def _buffer(self) -> Iterator[memoryview]:
        """
        Memory that begins with a page, and has room for a step that is not aligned.
        """
        try:
            pages = self._buffers.pop()
        except IndexError:
            pages = mmap.mmap(-1, _STEP + 2 * BLOCK)
        with memoryview(pages) as view:
            yield view
        self._buffers.append(pages)

    def read_into(self, oid: int, offset: int, view: memoryview) -> int:
        """See IObjects."""
        fd = self._fd(oid)
        count = 0
        with self._buffer() as buffer:
            while count < len(view):
                start = (offset + count) // BLOCK * BLOCK
                before = offset + count - start
                wanted = min(len(view) - count, _STEP)
                found = os.preadv(fd, (buffer[: _whole(before + wanted)],), start)
                part = min(found - before, wanted)
                if part <= 0:
                    break
                view[count : count + part] = buffer[before : before + part]
                count += part
        return count

    def read_now(self, oid: int, offset: int, view: memoryview) -> bool:
        """See IObjects: the medium is always waited for."""
        return False

    def write(self, oid: int, offset: int, data: bytes | memoryview) -> None:
        """See IObjects."""
        fd = self._fd(oid)
        view = memoryview(data)
        with self._locks[oid % _LOCKS], self._buffer() as buffer:
            while view:
                part = min(len(view), _STEP)
                _write_part(fd, offset, view[:part], buffer)
                offset += part
                view = view[part:]

    def zero(self, oid: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._locks[oid % _LOCKS]:
            self._files.zero(oid, offset, size)

    def copy_range(self, source: int, target: int, offset: int, size: int) -> None:
        """See IObjects."""
        with self._locks[target % _LOCKS]:
            self._files.copy_range(source, target, offset, size)

    def create(self, oid: int) -> None:
        """See IObjects."""
        self._files.create(oid)

    def prefetch(self, oid: int, offset: int, size: int) -> None:
        """See IObjects: there is no cache to read ahead into."""

    def start_writing(self, oids: Iterable[int]) -> None:
        """See IObjects: it was written."""

    def flush(self, oids: Iterable[int]) -> None:
        """See IObjects."""
        self._files.flush(oids)

    def flush_all(self) -> None:
        """See IObjects."""
        self._files.flush_all()

    def remove(self, oid: int) -> None:
        """See IObjects."""
        self._descriptors.drop(oid)
        self._files.remove(oid)

    def of_session(self, session: int) -> list[int]:
        """See IObjects."""
        return self._files.of_session(session)

    def sessions(self) -> list[int]:
        """See IObjects."""
        return self._files.sessions()

    def tidy(self, session: int) -> None:
        """See IObjects."""
        self._files.tidy(session)

    def space(self, oid: int) -> int:
        """See IObjects."""
        return self._files.space(oid)

    def fd(self, oid: int) -> int | None:
        """See IObjects: nobody else aligns as needed."""
        self._files.fd(oid)
        return None

    def close(self) -> None:
        """See IObjects."""
        self._descriptors.clear()
        self._files.close()


def _check(root: str) -> None:
    """
    Raises OSError where the file system has no direct I/O.
    """
    path = f"{root}.direct.{os.getpid()}"
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise OSError(errno.EINVAL, "this file system has no direct I/O", root) from error
    finally:
        if os.path.exists(path):  # noqa: PTH110 - pathlib costs the worker start time
            os.unlink(path)  # noqa: PTH108


def _whole(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _write_part(fd: int, offset: int, data: memoryview, buffer: memoryview) -> None:
    start = offset // BLOCK * BLOCK
    before, end = offset - start, offset + len(data)
    length = _whole(end - start)
    if before:
        _read_block(fd, start, buffer[:BLOCK])
    if (end % BLOCK) and (length > BLOCK or not before):
        _read_block(fd, start + length - BLOCK, buffer[length - BLOCK : length])
    buffer[before : before + len(data)] = data
    size = max(os.fstat(fd).st_size, end)
    done = 0
    while done < length:
        done += os.pwrite(fd, buffer[done:length], start + done)
    if start + length > size:
        os.ftruncate(fd, size)  # what follows the data in its last block is not the object's


def _read_block(fd: int, offset: int, block: memoryview) -> None:
    found = os.preadv(fd, (block,), offset)
    block[found:] = bytes(BLOCK - found)

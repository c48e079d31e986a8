"""
Content-addressed blocks as files.  Standard library only: the data-path worker imports this.

``blocks/<aa>/<bb>/<key>``, in hexadecimal; a block gets its name when it is whole and on stable
storage.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from archipelagod.stores.block_keys import EMPTY, RENEW_S, checked_content
from archipelagod.stores.directories import make_directory, sync_directory
from archipelagod.stores.names import UNFINISHED
from archipelagod.stores.open_files import OpenFiles
from archipelagod.stores.unfinished import Unfinished, forget, link_new

HANDLES = 1000  # kept open at most


class FileBlocks:
    """
    See IBlocks.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._files = OpenFiles(HANDLES, self._path, os.O_RDONLY)
        self._unfinished = Unfinished(root)
        make_directory(root)

    def _directory(self, key: bytes) -> str:
        return f"{self._root}/{key[:1].hex()}/{key[1:2].hex()}"

    def _path(self, key: bytes) -> str:
        return f"{self._directory(key)}/{key.hex()}"

    def put(self, key: bytes, data: bytes) -> bool:
        """See IBlocks."""
        content = data.rstrip(b"\0")
        if not content or self._is_there(key, len(content)):
            return False
        unfinished, fd = self._unfinished.write(content)
        try:
            return self._name(key, unfinished, fd)
        finally:
            forget(unfinished)
            os.close(fd)

    def _is_there(self, key: bytes, size: int) -> bool:
        try:
            found = os.stat(self._path(key))  # noqa: PTH116
            if found.st_size != size:
                self.remove(key)
                return False
            if self._renew(key, found.st_mtime):
                sync_directory(self._directory(key))  # its writer may not have come so far
        except FileNotFoundError:
            return False
        return True

    def _renew(self, key: bytes, stamp: float) -> bool:
        """
        Makes the block as young as if it was put now; whether it was put in the last minute.
        """
        age_s = time.time() - stamp
        if age_s > RENEW_S:
            os.utime(self._path(key))
        return age_s <= RENEW_S

    def _name(self, key: bytes, unfinished: str, fd: int) -> bool:
        directory = self._directory(key)
        make_directory(directory)
        try:
            link_new(unfinished, fd, self._path(key))
            is_new = True
        except FileExistsError:  # another was faster, and had the same content
            is_new = False
        sync_directory(directory)
        return is_new

    def get(self, key: bytes) -> bytes:
        """See IBlocks."""
        if key == EMPTY:
            return b""
        with open(self._path(key), "rb") as file:  # noqa: PTH123
            return checked_content(key, file.read())

    def read_into(self, key: bytes, offset: int, view: memoryview) -> int:
        """See IBlocks."""
        return 0 if key == EMPTY else self._files.read_into(key, offset, view)

    def read_now(self, key: bytes, offset: int, view: memoryview) -> bool:
        """See IBlocks."""
        return not view if key == EMPTY else self._files.read_now(key, offset, view)

    def prefetch(self, key: bytes, offset: int, size: int) -> None:
        """See IBlocks."""
        self._files.prefetch(key, offset, size)

    def fd(self, key: bytes) -> int | None:
        """See IBlocks."""
        return None if key == EMPTY else self._files.kept(key) or self._files.open(key)

    def have(self, keys: Iterable[bytes]) -> list[bytes]:
        """See IBlocks."""
        missing: dict[bytes, None] = {}
        for key in keys:
            if key == EMPTY or key in missing:
                continue
            try:
                self._renew(key, os.stat(self._path(key)).st_mtime)  # noqa: PTH116
            except FileNotFoundError:
                missing[key] = None
        return list(missing)

    def remove(self, key: bytes) -> None:
        """See IBlocks."""
        self._files.remove(key)

    def keys(self, after: bytes = b"", limit: int | None = None) -> list[bytes]:
        """See IBlocks."""
        return list(islice(self._keys(after.hex()), limit))

    def _keys(self, after: str) -> Iterator[bytes]:
        for first in _sorted(self._root, after[:2]):
            start = after[2:4] if first == after[:2] else ""
            for second in _sorted(f"{self._root}/{first}", start):
                for name in _sorted(f"{self._root}/{first}/{second}", after):
                    if name > after:
                        yield bytes.fromhex(name)

    def space(self, key: bytes) -> int:
        """See IBlocks."""
        return 0 if key == EMPTY else os.stat(self._path(key)).st_blocks * 512  # noqa: PTH116

    def stamp(self, key: bytes) -> float:
        """See IBlocks."""
        return time.time() if key == EMPTY else os.stat(self._path(key)).st_mtime  # noqa: PTH116

    def close(self) -> None:
        """See IBlocks."""
        self._files.descriptors.clear()


def _sorted(directory: str, start: str) -> list[str]:
    try:
        found = os.listdir(directory)  # noqa: PTH208 - pathlib costs the worker start time
    except FileNotFoundError:
        return []
    return sorted(name for name in found if name >= start and name[0] != UNFINISHED)

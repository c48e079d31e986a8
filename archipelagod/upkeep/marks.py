"""
Sets of names that may be too many for memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import IO

PARTITIONS = 256
BUFFERED_BYTES = 8 << 20


class Marks:
    """
    Names of ``width`` bytes, in 256 partitions.  Beyond a few MiB they lie in a temporary file, so
    that one partition at a time is in memory.
    """

    def __init__(self, width: int, buffered_bytes: int = BUFFERED_BYTES) -> None:
        self._width = width
        self._limit = buffered_bytes
        self._buffers = [bytearray() for _ in range(PARTITIONS)]
        self._buffered = 0
        self._parts: list[list[tuple[int, int]]] = [[] for _ in range(PARTITIONS)]
        self._file: IO[bytes] | None = None
        self._size = 0

    def add(self, partition: int, names: bytes) -> None:
        """
        Adds names, one after the other.  Raises OSError.
        """
        self._buffers[partition] += names
        self._buffered += len(names)
        if self._buffered > self._limit:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by ``close``
        for partition, buffer in enumerate(self._buffers):
            if buffer:
                self._parts[partition].append((self._size, len(buffer)))
                self._file.write(buffer)
                self._size += len(buffer)
                self._buffers[partition] = bytearray()
        self._buffered = 0

    def load(self, partition: int) -> set[bytes]:
        """
        All names in a partition.  Raises OSError.
        """
        found = set(self._split(self._buffers[partition]))
        for start, size in self._parts[partition]:
            assert self._file is not None
            self._file.seek(start)
            found.update(self._split(self._file.read(size)))
        if self._file is not None:
            self._file.seek(0, 2)
        return found

    def _split(self, data: bytes | bytearray) -> Iterable[bytes]:
        width = self._width
        return (bytes(data[at : at + width]) for at in range(0, len(data), width))

    def close(self) -> None:
        """
        Lets go of the file.
        """
        if self._file is not None:
            self._file.close()
            self._file = None

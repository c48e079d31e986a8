"""
Content-addressed blocks in memory.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Iterable

from archipelagod.stores.block_keys import EMPTY, checked_content


class MemoryBlocks:
    """
    See IBlocks.
    """

    def __init__(self) -> None:
        self._contents: dict[bytes, bytes] = {}
        self._stamps: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def _content(self, key: bytes) -> bytes:
        if key == EMPTY:
            return b""
        try:
            return self._contents[key]
        except KeyError:
            raise FileNotFoundError(2, f"no block {key.hex()}") from None

    def put(self, key: bytes, data: bytes) -> bool:
        """See IBlocks."""
        content = bytes(data).rstrip(b"\0")
        if not content:
            return False
        with self._lock:
            self._stamps[key] = time.time()
            if len(self._contents.get(key, b"")) == len(content):
                return False
            self._contents[key] = content
            return True

    def get(self, key: bytes) -> bytes:
        """See IBlocks."""
        return checked_content(key, self._content(key))

    def read_into(self, key: bytes, offset: int, view: memoryview) -> int:
        """See IBlocks."""
        found = self._content(key)[offset : offset + len(view)]
        view[: len(found)] = found
        return len(found)

    def read_now(self, key: bytes, offset: int, view: memoryview) -> bool:
        """See IBlocks."""
        return self.read_into(key, offset, view) == len(view)

    def prefetch(self, key: bytes, offset: int, size: int) -> None:
        """See IBlocks."""

    def fd(self, key: bytes) -> int | None:
        """See IBlocks."""
        self._content(key)
        return None

    def have(self, keys: Iterable[bytes]) -> list[bytes]:
        """See IBlocks."""
        missing: dict[bytes, None] = {}
        with self._lock:
            for key in keys:
                if key in self._contents:
                    self._stamps[key] = time.time()
                elif key != EMPTY:
                    missing[key] = None
        return list(missing)

    def remove(self, key: bytes) -> None:
        """See IBlocks."""
        with self._lock:
            self._contents.pop(key, None)
            self._stamps.pop(key, None)

    def keys(self, after: bytes = b"", limit: int | None = None) -> list[bytes]:
        """See IBlocks."""
        with self._lock:
            found = sorted(self._contents)
        start = bisect_right(found, after)
        return found[start:] if limit is None else found[start : start + limit]

    def space(self, key: bytes) -> int:
        """See IBlocks."""
        return len(self._content(key))

    def stamp(self, key: bytes) -> float:
        """See IBlocks."""
        self._content(key)
        return self._stamps.get(key) or time.time()

    def close(self) -> None:
        """See IBlocks."""

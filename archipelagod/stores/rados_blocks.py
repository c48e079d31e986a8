"""
Content-addressed blocks as objects of Ceph.

A key is in the index of its first byte before the block is there, and until it is gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from archipelagod.stores.block_keys import EMPTY, RENEW_S, checked_content

if TYPE_CHECKING:
    from archipelagod.stores.rados_pool import RadosPool

_AT_ONCE = 128  # questions in flight
_USED = "used"  # the attribute that is set to make a block young


class RadosBlocks:
    """
    See IBlocks.  Named by the key, in hexadecimal.
    """

    def __init__(self, pool: RadosPool) -> None:
        self._pool = pool

    def put(self, key: bytes, data: bytes) -> bool:
        """See IBlocks."""
        content = bytes(data).rstrip(b"\0")
        if not content:
            return False
        try:
            size, stamp = self._pool.size_and_time(key.hex())
        except FileNotFoundError:
            return self._write(key, content, must_be_new=True)
        if size != len(content):
            return self._write(key, content, must_be_new=False)
        self._renew(key, stamp)
        return False

    def _write(self, key: bytes, content: bytes, *, must_be_new: bool) -> bool:
        self._pool.index(_index(key[:1].hex()), key.hex())
        try:
            with self._pool.change(key.hex()) as operation:
                if must_be_new:
                    self._pool.must_be_new(operation)
                operation.write_full(content)
        except FileExistsError:  # another was faster, and had the same content
            return False
        return True

    def _renew(self, key: bytes, stamp: float) -> None:
        if time.time() - stamp > RENEW_S:
            with self._pool.change(key.hex()) as operation:
                self._pool.must_exist(operation)
                operation.set_xattr(_USED, b"1")

    def get(self, key: bytes) -> bytes:
        """See IBlocks."""
        return b"" if key == EMPTY else checked_content(key, self._pool.read_all(key.hex()))

    def read_into(self, key: bytes, offset: int, view: memoryview) -> int:
        """See IBlocks."""
        if key == EMPTY:
            return 0
        found = self._pool.read(key.hex(), len(view), offset)
        view[: len(found)] = found
        return len(found)

    def read_now(self, key: bytes, offset: int, view: memoryview) -> bool:
        """See IBlocks: the network is always waited for."""
        return False

    def prefetch(self, key: bytes, offset: int, size: int) -> None:
        """See IBlocks: Ceph keeps no cache here."""

    def fd(self, key: bytes) -> int | None:
        """See IBlocks."""
        self.space(key)
        return None

    def have(self, keys: Iterable[bytes]) -> list[bytes]:
        """See IBlocks."""
        asked = [key for key in dict.fromkeys(keys) if key != EMPTY]
        missing = []
        for start in range(0, len(asked), _AT_ONCE):
            part = asked[start : start + _AT_ONCE]
            for key, stamp in zip(part, self._stamps(part), strict=True):
                try:
                    if stamp is None:
                        missing.append(key)
                    else:
                        self._renew(key, stamp)
                except FileNotFoundError:
                    missing.append(key)
        return missing

    def _stamps(self, keys: list[bytes]) -> list[float | None]:
        """
        Of blocks asked for all at once; None for those that are not there.
        """
        found: list[float | None] = [None] * len(keys)
        done = threading.Semaphore(0)
        failed: list[int] = []

        def answered(number: int, completion: Any, size: int | None, changed: Any) -> None:
            result = completion.get_return_value()
            if result == 0:
                found[number] = time.mktime(changed)
            elif result != -2:
                failed.append(-result)
            done.release()

        for number, key in enumerate(keys):
            with self._pool.errors(key.hex()):
                self._pool.io.aio_stat(
                    key.hex(), lambda *told, number=number: answered(number, *told)
                )
        for _ in keys:
            done.acquire()
        if failed:
            raise OSError(failed[0], "some blocks could not be asked for")
        return found

    def remove(self, key: bytes) -> None:
        """See IBlocks."""
        self._pool.remove(key.hex())
        self._pool.unindex(_index(key[:1].hex()), key.hex())

    def keys(self, after: bytes = b"", limit: int | None = None) -> list[bytes]:
        """See IBlocks."""
        return list(islice(self._keys(after.hex()), limit))

    def _keys(self, after: str) -> Iterator[bytes]:
        for first in range(int(after[:2] or "0", 16), 256):
            for key in self._pool.indexed(_index(f"{first:02x}"), after):
                yield bytes.fromhex(key)

    def space(self, key: bytes) -> int:
        """See IBlocks."""
        return 0 if key == EMPTY else self._pool.size_and_time(key.hex())[0]

    def stamp(self, key: bytes) -> float:
        """See IBlocks."""
        return time.time() if key == EMPTY else self._pool.size_and_time(key.hex())[1]

    def close(self) -> None:
        """See IBlocks."""


def _index(first: str) -> str:
    return f"index.{first}"

"""
A blocking client of the block protocol.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from archipelagod.wire import operations as op
from archipelagod.wire.frames import REQUEST, Frame
from tests.chaos.link import Link


class Control:
    """
    Requests one after the other.  For one thread.  Methods raise StorageError; StorageUnavailable
    when the daemon died, and nothing is known of the outcome.
    """

    def __init__(self, path: str, secret_file: str) -> None:
        self._link = Link(path, secret_file)

    def _ask(self, frame: Frame) -> Frame:
        return self._link.ask(frame)

    def close(self) -> None:
        """
        Hangs up.
        """
        self._link.close()

    def create(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.CREATE, target=volume, size=size_bytes))

    def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """See BlockClient."""
        flags = op.FLAG_SAME_SIZE if size_bytes is None else 0
        data = volume.encode()
        self._ask(
            Frame(REQUEST, op.CLONE, flags=flags, target=origin, size=size_bytes or 0, data=data)
        )

    def snapshot(self, volume: str, name: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.SNAPSHOT, target=volume, data=name.encode()))

    def delete(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.DELETE, target=volume))

    def rename(self, volume: str, name: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.RENAME, target=volume, data=name.encode()))

    def resize(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.RESIZE, target=volume, size=size_bytes))

    def rollback(self, volume: str, snapshot: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.ROLLBACK, target=volume, data=snapshot.encode()))

    def flatten(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.FLATTEN, target=volume))

    def collect(self) -> None:
        """
        BlockClient's ``gc``.
        """
        self._ask(Frame(REQUEST, op.GC))

    def info(self, volume: str) -> dict[str, Any]:
        """See BlockClient."""
        found: dict[str, Any] = json.loads(self._ask(Frame(REQUEST, op.INFO, target=volume)).data)
        return found

    def names(self) -> list[str]:
        """
        Names of all volumes.
        """
        data = json.dumps({"marker": "", "prefix": "", "limit": op.MAX_LISTED}).encode()
        frame = Frame(REQUEST, op.LIST, data=data)
        with contextlib.suppress(UnicodeDecodeError):
            return [info["name"] for info in json.loads(self._ask(frame).data)]
        raise AssertionError("LIST answered with no text")

    def read(self, volume: str, offset: int, size: int) -> bytes:
        """See BlockClient."""
        return self._ask(Frame(REQUEST, op.READ, target=volume, offset=offset, size=size)).data

    def write(self, volume: str, offset: int, data: bytes, *, fua: bool = False) -> None:
        """See BlockClient."""
        flags = op.FLAG_FUA if fua else 0
        self._ask(Frame(REQUEST, op.WRITE, flags=flags, target=volume, offset=offset, data=data))

    def flush(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.FLUSH, target=volume))

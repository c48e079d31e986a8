"""
A volume over a connection of its own, for a blocking client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archipelagod.client.closing import Closing
from archipelagod.client.link import BlockingLink
from archipelagod.wire import operations as op
from archipelagod.wire import requests, results
from archipelagod.wire.errors import StorageError
from archipelagod.wire.frames import Frame


class BlockingVolume(Closing):
    """
    See BlockVolume.  Made by ``BlockingClient.open``; a context manager that closes it.
    """

    def __init__(self, name: str, link: BlockingLink, opened: Frame) -> None:
        self.name = name
        self.size_bytes = opened.size
        self.is_read_only = bool(opened.flags & op.FLAG_READ_ONLY)
        self._link = link

    def read(self, offset: int, size: int) -> bytes:
        """See BlockVolume."""
        return next(self.read_many([(offset, size)]))

    def read_many(self, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """
        The content of each range of offset and size, in this order, with many on the way.

        Nothing else may be asked of this volume before the last came.
        """
        sizes: list[int] = []

        def asked() -> Iterator[Frame]:
            for offset, size in ranges:
                sizes.append(requests.checked_io(size))
                yield requests.request(op.READ, offset=offset, size=size)

        for reply in self._link.pipeline(asked()):
            yield results.exactly(reply, sizes.pop(0), self.name)

    def write(self, offset: int, data: bytes, fua: bool = False) -> None:
        """See BlockVolume."""
        self._link.ask(requests.write("", offset, data, fua))

    def write_many(self, parts: Iterable[tuple[int, bytes]]) -> None:
        """
        Writes each part at its offset, with many on the way.
        """
        written = (requests.write("", offset, data, fua=False) for offset, data in parts)
        for _ in self._link.pipeline(written):
            pass

    def zero(self, offset: int, size: int, fua: bool = False) -> None:
        """See BlockVolume."""
        self._link.ask(requests.zero(op.WRITE_ZEROES, "", offset, size, fua))

    def discard(self, offset: int, size: int, fua: bool = False) -> None:
        """See BlockVolume."""
        self._link.ask(requests.zero(op.DISCARD, "", offset, size, fua))

    def flush(self) -> None:
        """See BlockVolume."""
        self._link.ask(requests.request(op.FLUSH))

    def size(self) -> int:
        """See BlockVolume."""
        self.size_bytes = self._link.ask(requests.request(op.INFO)).size
        return self.size_bytes

    def close(self) -> None:
        """See BlockVolume."""
        try:
            if self._link.is_open:
                self._link.ask(requests.request(op.CLOSE))
        except StorageError:
            return  # it is closed all the same
        finally:
            self._link.close()

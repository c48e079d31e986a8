"""
Choices out of arbitrary bytes.
"""

from __future__ import annotations

from archipelagod.wire import operations as op
from archipelagod.wire.framing import REQUEST, pack

EDGES = (0, 1, 511, 4096, (1 << 22) - 1, 1 << 22, 1 << 24, (1 << 24) - 1, 1 << 63, (1 << 64) - 1)
NAMES = (b"v", b"sealed", b"absent", b"", b"new", b"../x", b"x" * 121)
OPERATIONS = tuple(
    sorted({number for name, number in vars(op).items() if name.isupper() and number in range(80)})
)


class Cursor:
    """
    Reads bytes until there are none; then zeros.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        """Whether all was read."""
        return self._at >= len(self._data)

    def bytes(self, size: int) -> bytes:
        """The next ones; fewer at the end."""
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def number(self, size: int = 1) -> int:
        """The next ones as a number."""
        return int.from_bytes(self.bytes(size), "little")

    def extent(self) -> int:
        """An offset or size, often one where something changes."""
        choice = self.number()
        if choice < len(EDGES):
            return EDGES[choice]
        return self.number(3) if choice & 1 else self.number(8)

    def request(self, *, has_target: bool) -> bytes:
        """A frame whose header is whole."""
        operation = OPERATIONS[self.number() % len(OPERATIONS)]
        flags, serial = self.number(), self.number()
        target = NAMES[self.number() % len(NAMES)] if has_target else b""
        data = self.bytes(self.number())
        head = pack(
            REQUEST,
            operation,
            serial,
            flags,
            0,
            self.extent(),
            self.extent(),
            len(target),
            len(data),
        )
        return head + target + data

"""
Choices out of arbitrary bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from archipelagod.wire import operations as op
from archipelagod.wire.framing import REQUEST, pack

EDGES = (0, 1, 511, 4096, (1 << 22) - 1, 1 << 22, 1 << 24, (1 << 24) - 1, 1 << 63, (1 << 64) - 1)
SHAPES = ((1, 0), (2, 0), (1, 9), (1, 12), (1, 16), (2, 8), (3, 0), (8, 0))  # bytes, then a shift
MOST_SIZES = 224
EXPENSIVE, ENOUGH, SHORT = 16 << 20, 1 << 20, 0x3FFF
COSTLY = b"\xe0"  # the first byte of inputs that may take long
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
        self._spent = ENOUGH if data[:1] < COSTLY else 0

    @property
    def is_at_end(self) -> bool:
        """Whether all was read."""
        return self._at >= len(self._data)

    def bytes(self, size: int) -> bytes:
        """The next ones; fewer at the end."""
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def data(self) -> bytes:
        """Some, rarely many."""
        size = self.number()
        return self.bytes(size if size > MOST_SIZES else size % 32)

    def rest(self) -> bytes:
        """All that are left."""
        return self.bytes(len(self._data))

    def number(self, size: int = 1) -> int:
        """The next ones as a number."""
        return int.from_bytes(self.bytes(size), "little")

    def extent(self) -> int:
        """An offset or size, often one where something changes."""
        choice = self.number()
        if choice < len(EDGES):
            return EDGES[choice]
        size, shift = SHAPES[choice % len(SHAPES)]
        return self.number(size) << shift

    def size(self) -> int:
        """An extent; a long one that could be read in few inputs, and not often in one."""
        found = self.extent()
        if found <= EXPENSIVE:
            found = found if self._spent < ENOUGH else found & SHORT
            self._spent += found
        return found

    def request(
        self,
        operations: Sequence[int] = OPERATIONS,
        names: Sequence[bytes] = NAMES,
        serial: int | None = None,
    ) -> bytes:
        """A frame whose header is whole; with the serial, if one is given."""
        operation = operations[self.number() % len(operations)]
        flags = self.number()
        if serial is None:
            serial = self.number()
        target = names[self.number() % len(names)] if len(names) > 1 else names[0]
        data = self.data()
        head = pack(
            REQUEST,
            operation,
            serial,
            flags,
            0,
            self.extent(),
            self.size(),
            len(target),
            len(data),
        )
        return head + target + data

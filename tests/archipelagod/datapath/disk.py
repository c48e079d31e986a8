"""
A disk of plain files, for tests of the loop in C: what Python does for it, in the simplest way.
"""

from __future__ import annotations

import contextlib
import os
import tempfile

with contextlib.suppress(ImportError):  # the tests are skipped then
    from archipelagod.datapath import _fast

OBJECT = 4 << 20
BLOCK = 4096


class Held(int):
    """
    A descriptor that somebody may refer to weakly, and that closes itself.
    """

    def __del__(self) -> None:
        os.close(self)


def new_file(content: bytes = b"", again_at: int = 0) -> Held:
    """
    A nameless file with some content, and the same again from an offset on.
    """
    with tempfile.TemporaryFile() as file:
        fd = Held(os.dup(file.fileno()))
    os.pwrite(fd, content, again_at)
    os.pwrite(fd, content, 0)
    return fd


class Disk:
    """
    Objects in files: ("own" | "shared" | "partial" | "orphan" | "slow" | "hole") by index.

    partial: every third block is in its own file, the others in a parent; orphan: the others are
    zeros.  Files are of different lengths: what is beyond the end are zeros.
    """

    def __init__(self, kinds: list[str], size: int, limit: int = 100) -> None:
        self.size = size
        self.kinds = list(kinds)
        self.table = _fast.Table(size, limit)
        self.files: list[tuple[Held, Held | None]] = []
        self.bitmaps: list[int] = []
        self.punted: list[tuple[int, int]] = []  # offset and size of what Python performed
        self.asked: list[int] = []  # objects that Python was asked for
        for index, kind in enumerate(kinds):
            pattern = bytes(range(1 + index, 250)) * 1000
            data = pattern if kind != "hole" else b""
            other = new_file(data[::-1], OBJECT // 3) if kind == "partial" else None
            self.files.append((new_file(data, index % 2 * OBJECT // 2), other))
            self.bitmaps.append(sum(1 << block for block in range(0, OBJECT // BLOCK, 3)))

    @property
    def content(self) -> bytearray:
        """All of it."""
        whole = bytearray().join(self._object(index) for index in range(len(self.kinds)))
        return whole[: self.size]

    def _object(self, index: int) -> bytearray:
        own, other = (b"" if fd is None else os.pread(fd, OBJECT, 0) for fd in self.files[index])
        found = bytearray(own.ljust(OBJECT, b"\0"))
        if self.kinds[index] in ("partial", "orphan"):
            rest = other.ljust(OBJECT, b"\0")
            for block in range(OBJECT // BLOCK):
                if not self.bitmaps[index] >> block & 1:
                    place = slice(block * BLOCK, (block + 1) * BLOCK)
                    found[place] = rest[place]
        return found

    def resolve(self, index: int) -> None:
        """
        Tells the table of an object.
        """
        self.asked.append(index)
        generation = self.table.generation
        kind = self.kinds[index]
        own, rest = self.files[index]
        if kind == "hole":
            self.table.install_zeros(index, generation)
        elif kind == "slow":
            self.table.install_slow(index, generation)
        else:
            is_whole = kind in ("own", "shared")
            bitmap = None if is_whole else self.bitmaps[index].to_bytes(128, "little")
            parent = -1 if rest is None else rest
            keep = (own, rest)
            is_writable = kind != "shared"
            self.table.install(index, own, parent, bitmap, is_writable, keep, generation)

    def read(self, offset: int, size: int) -> bytes:
        """
        As Python would.
        """
        self.punted.append((offset, size))
        first, last = offset // OBJECT, (offset + size - 1) // OBJECT
        found = bytearray().join(self._object(index) for index in range(first, last + 1))
        return bytes(found[offset - first * OBJECT :][:size])

    def write(self, offset: int, data: bytes) -> None:
        """
        As Python would: what can't be written in place becomes an own object.
        """
        self.punted.append((offset, len(data)))
        while data:
            index, inner = divmod(offset, OBJECT)
            part = data[: OBJECT - inner]
            whole = self._object(index)
            whole[inner : inner + len(part)] = part
            if self.kinds[index] in ("partial", "orphan"):
                first, last = inner // BLOCK, (inner + len(part) - 1) // BLOCK
                start, end = first * BLOCK, (last + 1) * BLOCK
                os.pwrite(self.files[index][0], whole[start:end], start)
                self.bitmaps[index] |= sum(1 << block for block in range(first, last + 1))
                self.table.fill(index, first, last + 1 - first)
            elif self.kinds[index] == "own":
                os.pwrite(self.files[index][0], part, inner)
            else:
                self.files[index] = (new_file(bytes(whole)), None)
                if self.kinds[index] != "slow":
                    self.kinds[index] = "own"
                self.table.forget(index)
            offset += len(part)
            data = data[len(part) :]

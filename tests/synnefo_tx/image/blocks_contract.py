"""
What every IBlocks must do, asked of whatever a test case gives.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred

from archipelagod.wire.errors import (
    NoSuchVolume,
    NotReadOnly,
    OutOfRange,
    ReadOnlyVolume,
    VolumeExists,
)

MIB = 1024 * 1024


def asynchronous(test: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Deferred[None]]:
    """
    An `async def` test as trial runs one.
    """

    def run(self: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(test(self))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


class BlocksContract:
    """
    Mixed into a TestCase whose setUp sets `blocks`.
    """

    blocks: Any

    async def refused(self, error: type[Exception], waiting: Awaitable[Any]) -> None:
        try:
            await waiting
        except error:
            return
        self.fail(f"{error.__name__} was not raised")  # type: ignore[attr-defined]

    @asynchronous
    async def test_written_bytes_are_read(self) -> None:
        """What is written is read, and zeros around it."""
        await self.blocks.create("v", 9 * MIB)
        data = os.urandom(4 * MIB)
        await self.blocks.write("v", 3 * MIB, data)
        await self.blocks.flush("v")
        got = await self.blocks.read("v", 2 * MIB, 4 * MIB)
        self.assertTrue(got == bytes(MIB) + data[: 3 * MIB])
        got = await self.blocks.read("v", 6 * MIB, 3 * MIB)
        self.assertTrue(got == data[3 * MIB :] + bytes(2 * MIB))

    @asynchronous
    async def test_unaligned_writes(self) -> None:
        """A write need not begin or end at a sector."""
        await self.blocks.create("v", 512 * 4)
        await self.blocks.write("v", 510, b"abcd")
        self.assertEqual(await self.blocks.read("v", 509, 6), b"\0abcd\0")

    @asynchronous
    async def test_ranges(self) -> None:
        """Nothing is read or written beyond the end."""
        await self.blocks.create("v", 1024)
        await self.refused(OutOfRange, self.blocks.write("v", 1000, bytes(25)))
        await self.refused(OutOfRange, self.blocks.read("v", 0, 1025))

    @asynchronous
    async def test_names(self) -> None:
        """A name is taken once, and an unknown one is refused by all."""
        await self.blocks.create("v", 512)
        await self.refused(VolumeExists, self.blocks.create("v", 512))
        for waiting in (
            self.blocks.read("w", 0, 1),
            self.blocks.write("w", 0, b"x"),
            self.blocks.resize("w", 512),
            self.blocks.seal("w"),
            self.blocks.info("w"),
            self.blocks.delete("w"),
            self.blocks.rename("w", "x"),
            self.blocks.flush("w"),
            self.blocks.clone("w", "x"),
        ):
            await self.refused(NoSuchVolume, waiting)

    @asynchronous
    async def test_resize(self) -> None:
        """A volume grows with zeros, and can be cut; what was cut off does not come back."""
        await self.blocks.create("v", 512)
        await self.blocks.resize("v", 10 * MIB)
        await self.blocks.write("v", 9 * MIB, b"x" * 1000)
        await self.blocks.resize("v", 9 * MIB + 512)
        self.assertEqual((await self.blocks.info("v")).size_bytes, 9 * MIB + 512)
        await self.blocks.resize("v", 10 * MIB)
        got = await self.blocks.read("v", 9 * MIB, 1000)
        self.assertEqual(got, b"x" * 512 + bytes(488))

    @asynchronous
    async def test_snapshots(self) -> None:
        """What a volume held is kept, sealed, and comes back with its size."""
        await self.blocks.create("v", 1024)
        await self.blocks.write("v", 0, b"kept")
        await self.blocks.snapshot("v", "s")
        self.assertTrue((await self.blocks.info("s")).read_only)
        await self.refused(VolumeExists, self.blocks.snapshot("v", "s"))
        await self.refused(NoSuchVolume, self.blocks.snapshot("w", "t"))
        await self.blocks.write("v", 0, b"lost")
        await self.blocks.resize("v", 2048)
        self.assertEqual(await self.blocks.read("s", 0, 4), b"kept")
        await self.blocks.rollback("v", "s")
        self.assertEqual(await self.blocks.read("v", 0, 4), b"kept")
        self.assertEqual((await self.blocks.info("v")).size_bytes, 1024)
        await self.refused(NotReadOnly, self.blocks.rollback("v", "v"))

    @asynchronous
    async def test_sealed(self) -> None:
        """A sealed volume is read and cloned, not written; sealing again changes nothing."""
        await self.blocks.create("v", 1024)
        await self.blocks.write("v", 0, b"abc")
        await self.refused(NotReadOnly, self.blocks.clone("v", "c"))
        await self.blocks.seal("v")
        await self.blocks.seal("v")
        self.assertTrue((await self.blocks.info("v")).read_only)
        await self.refused(ReadOnlyVolume, self.blocks.write("v", 0, b"x"))
        await self.blocks.clone("v", "c", 4096)
        await self.blocks.write("c", 1, b"B")
        self.assertEqual(await self.blocks.read("c", 0, 3), b"aBc")
        self.assertEqual(await self.blocks.read("v", 0, 3), b"abc")
        self.assertEqual((await self.blocks.info("c")).size_bytes, 4096)

    @asynchronous
    async def test_deleted_origin(self) -> None:
        """A clone outlives its origin."""
        await self.blocks.create("v", 1024)
        await self.blocks.write("v", 0, b"abc")
        await self.blocks.seal("v")
        await self.blocks.clone("v", "c")
        await self.blocks.delete("v")
        await self.refused(NoSuchVolume, self.blocks.read("v", 0, 1))
        self.assertEqual(await self.blocks.read("c", 0, 3), b"abc")

    @asynchronous
    async def test_rename(self) -> None:
        """The content goes with the name."""
        await self.blocks.create("v", 512)
        await self.blocks.write("v", 0, b"abc")
        await self.blocks.create("w", 512)
        await self.refused(VolumeExists, self.blocks.rename("v", "w"))
        await self.blocks.rename("v", "x")
        self.assertEqual(await self.blocks.read("x", 0, 3), b"abc")
        await self.refused(NoSuchVolume, self.blocks.info("v"))

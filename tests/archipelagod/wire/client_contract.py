"""
What every client of the block protocol must see of every daemon.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from archipelagod.wire.errors import (
    BadRequest,
    NoSuchBlock,
    NoSuchVolume,
    NotReadOnly,
    OutOfRange,
    Protected,
    ReadOnlyVolume,
    StorageError,
    TooSmall,
    VolumeBusy,
    VolumeExists,
)
from archipelagod.wire.values import Extent, Limits

MIB = 1 << 20


async def refused(kind: type[StorageError], awaitable: Any) -> str:
    """What storage said when it refused."""
    try:
        await awaitable
    except kind as error:
        return str(error)
    raise AssertionError(f"not refused with {kind.__name__}")


async def told(client: Any, volume: str) -> bytes:
    """What a small volume holds."""
    return await client.read(volume, 0, (await client.info(volume)).size_bytes)


class VolumeContract:
    """Volumes as a whole.  ``started`` of the test case gives a client of an empty daemon."""

    async def test_create_and_use(self: Any) -> None:
        """A new volume is zeros; what is written is read."""
        client = await self.started()
        await client.create("v", 10 * MIB)
        self.assertEqual(await client.read("v", 0, 8), bytes(8))
        await client.write("v", 4 * MIB - 3, b"across", fua=True)
        await client.flush("v")
        self.assertEqual(await client.read("v", 4 * MIB - 4, 8), b"\0across\0")

    async def test_info(self: Any) -> None:
        """What is told of a volume is true."""
        client = await self.started()
        await client.create("v", 10 * MIB)
        await client.write("v", 0, b"x")
        await client.seal("v")
        info = await client.info("v")
        self.assertEqual(
            (info.name, info.size_bytes, info.read_only, info.connections),
            ("v", 10 * MIB, True, 0),
        )
        self.assertGreater(info.own_bytes, 0)
        self.assertLessEqual(info.created_at, time.time())

    async def test_image_and_clone(self: Any) -> None:
        """An image is written, sealed and cloned; both ways nothing shows through."""
        client = await self.started()
        await client.create("image", MIB)
        await client.write("image", 0, b"image")
        await refused(NotReadOnly, client.clone("image", "disk"))
        await client.seal("image")
        await client.seal("image")
        await client.clone("image", "disk", 2 * MIB)
        await client.write("disk", 0, b"IM")
        self.assertEqual(await client.read("disk", 0, 5), b"IMage")
        self.assertEqual(await client.read("image", 0, 5), b"image")
        await refused(ReadOnlyVolume, client.write("image", 0, b"x"))
        await client.delete("image")
        self.assertEqual(await client.read("disk", 0, 5), b"IMage")

    async def test_snapshot_and_rollback(self: Any) -> None:
        """A snapshot stays as it was, and its volume may return to it."""
        client = await self.started()
        await client.create("v", MIB)
        await client.write("v", 0, b"old")
        await client.snapshot("v", "s")
        await client.write("v", 0, b"new")
        self.assertEqual(await client.read("s", 0, 3), b"old")
        self.assertTrue((await client.info("s")).read_only)
        await client.create("w", MIB)
        await refused(NotReadOnly, client.rollback("v", "w"))
        await client.rollback("v", "s")
        self.assertEqual(await client.read("v", 0, 3), b"old")
        await client.write("v", 0, b"own")
        self.assertEqual(await client.read("s", 0, 3), b"old")

    async def test_rename_and_resize(self: Any) -> None:
        """A volume changes its name and its size; what was cut off reads as zeros."""
        client = await self.started()
        await client.create("v", MIB)
        await client.write("v", 1000, b"secret")
        await client.rename("v", "w")
        await refused(NoSuchVolume, client.info("v"))
        await client.resize("w", 1003)
        await client.resize("w", 2 * MIB)
        self.assertEqual(await client.read("w", 1000, 6), b"sec\0\0\0")

    async def test_list(self: Any) -> None:
        """Volumes are listed by name, in pages, by prefix."""
        client = await self.started()
        for name in ("b", "a", "snf-2", "snf-1", "c"):
            await client.create(name, 1)

        async def names(*arguments: Any) -> list[str]:
            return [info.name for info in await client.list(*arguments)]

        self.assertEqual(await names(), ["a", "b", "c", "snf-1", "snf-2"])
        self.assertEqual(await names("", 2), ["a", "b"])
        self.assertEqual(await names("b", 2), ["c", "snf-1"])
        self.assertEqual(await names("", 1000, "snf-"), ["snf-1", "snf-2"])
        self.assertEqual(await names("snf-1", 1000, "snf-"), ["snf-2"])

    async def test_protect(self: Any) -> None:
        """A protected volume is not deleted until that is taken back."""
        client = await self.started()
        await client.create("v", MIB)
        await client.protect("v")
        await refused(Protected, client.delete("v"))
        await client.protect("v", on=False)
        await client.delete("v")

    async def test_copy_and_flatten(self: Any) -> None:
        """Both give the same content, of which nothing is shared."""
        client = await self.started()
        await client.create("v", 9 * MIB)
        await client.write("v", 5 * MIB, b"content")
        await client.seal("v")
        await client.copy("v", "copy", progress=lambda done, total: None)
        await client.clone("v", "disk")
        await client.flatten("disk")
        await client.delete("v")
        for name in ("copy", "disk"):
            self.assertEqual(await client.read(name, 5 * MIB, 7), b"content")
            kinds = {extent.kind for extent in await client.mapr(name, 0, 9 * MIB)}
            self.assertEqual(kinds, {"own", "zero"}, name)

    async def test_refusals(self: Any) -> None:
        """Every refusal is the error that the client's documentation names."""
        client = await self.started()
        await client.create("v", MIB)
        await client.create("s", MIB)
        await client.seal("s")
        await refused(VolumeExists, client.create("v", MIB))
        await refused(VolumeExists, client.clone("s", "v"))
        await refused(VolumeExists, client.snapshot("v", "s"))
        await refused(VolumeExists, client.rename("v", "s"))
        await refused(VolumeExists, client.copy("s", "v"))
        await refused(TooSmall, client.clone("s", "w", MIB - 1))
        await refused(ReadOnlyVolume, client.resize("s", MIB))
        await refused(NotReadOnly, client.hash("v"))
        await refused(OutOfRange, client.create("w", 0))
        await refused(OutOfRange, client.create("w", 1 << 60))
        await refused(BadRequest, client.release("v"))
        for name in ("", "a/b", "..", ".", "x" * 121, "x" * 300, "ü", "\ud800"):
            await refused(BadRequest, client.create(name, 1))
            await refused(BadRequest, client.delete(name))

    async def test_absent(self: Any) -> None:
        """Whatever is asked of a volume that is not there is refused."""
        client = await self.started()
        await client.create("v", MIB)
        for call in (
            client.delete("w"),
            client.read("w", 0, 1),
            client.write("w", 0, b"x"),
            client.zero("w", 0, 1),
            client.discard("w", 0, 1),
            client.flush("w"),
            client.seal("w"),
            client.info("w"),
            client.snapshot("w", "x"),
            client.clone("w", "x"),
            client.resize("w", 1),
            client.rename("w", "x"),
            client.rollback("w", "v"),
            client.protect("w"),
            client.flatten("w"),
            client.copy("w", "x"),
            client.hash("w"),
            client.mapr("w", 0, 1),
            client.mapw("w", 0, 1),
            client.diff(None, "w"),
            client.set_limits("w", Limits(1)),
            client.allow_handover("w"),
            client.hand_over("w"),
            client.acquire("w"),
            client.open("w"),
        ):
            await refused(NoSuchVolume, call)


class DataContract:
    """Data of volumes."""

    async def test_limits_of_io(self: Any) -> None:
        """Reads and writes beyond the end, and of more than 4 MiB, are refused."""
        client = await self.started()
        await client.create("v", MIB)
        await refused(OutOfRange, client.read("v", MIB - 1, 2))
        await refused(OutOfRange, client.write("v", MIB, b"x"))
        await refused(OutOfRange, client.write("v", -1, b"x"))
        await refused(OutOfRange, client.zero("v", MIB - 1, 2))
        await refused(OutOfRange, client.read("v", 0, 5 * MIB))
        await refused(OutOfRange, client.write("v", 0, bytes(5 * MIB)))

    async def test_zero_and_discard(self: Any) -> None:
        """What was zeroed reads as zeros; what is beside it or was discarded, as it may."""
        client = await self.started()
        await client.create("v", 8 * MIB)
        await client.write("v", 0, b"x" * 65536)
        await client.zero("v", 1000, 3000, fua=True)
        self.assertEqual(await client.read("v", 999, 3002), b"x" + bytes(3000) + b"x")
        await client.discard("v", 8192, 8192)
        found = await client.read("v", 8191, 8194)
        self.assertIn(found, (b"x" + bytes(8192) + b"x", b"x" * 8194))

    async def test_pipelined(self: Any) -> None:
        """Many requests at once, more than the window, all come right."""
        client = await self.started()
        await client.create("v", 10 * MIB)
        await self._pipelined(
            lambda offset, data: client.write("v", offset, data),
            lambda offset, size: client.read("v", offset, size),
        )

    async def _pipelined(self: Any, write: Any, read: Any) -> None:
        writes = [Deferred.fromCoroutine(write(40000 * n, b"%04d" % n)) for n in range(200)]
        await gatherResults(writes)
        reads = [Deferred.fromCoroutine(read(40000 * n, 4)) for n in range(200)]
        self.assertEqual(await gatherResults(reads), [b"%04d" % n for n in range(200)])

    async def test_largest(self: Any) -> None:
        """4 MiB at a time."""
        client = await self.started()
        await client.create("v", 8 * MIB)
        data = bytes(range(256)) * (4 * MIB // 256)
        await client.write("v", MIB, data)
        self.assertEqual(await client.read("v", MIB, 4 * MIB), data)

    async def test_open(self: Any) -> None:
        """A data connection does all that a volume can, and its end is seen by others."""
        client = await self.started()
        await client.create("v", 10 * MIB)
        volume = await client.open("v")
        self.assertEqual((volume.size_bytes, volume.is_read_only), (10 * MIB, False))
        await volume.write(4 * MIB - 3, b"across", fua=True)
        await volume.flush()
        self.assertEqual(await volume.read(4 * MIB - 4, 8), b"\0across\0")
        await volume.zero(4 * MIB - 3, 3)
        await volume.discard(0, MIB)
        self.assertEqual(await volume.read(4 * MIB - 4, 8), b"\0\0\0\0oss\0")
        self.assertEqual(await volume.size(), 10 * MIB)
        await refused(OutOfRange, volume.read(10 * MIB - 1, 2))
        await refused(OutOfRange, volume.write(10 * MIB, b"x"))
        await refused(VolumeBusy, client.delete("v"))
        await volume.close()
        self.assertEqual(await client.read("v", 4 * MIB, 3), b"oss")
        await client.delete("v")

    async def test_open_read_only(self: Any) -> None:
        """A sealed volume is opened for reading, by as many as want."""
        client = await self.started()
        await client.create("v", MIB)
        await client.write("v", 0, b"sealed")
        await client.seal("v")
        volumes = [await client.open("v") for _ in range(3)]
        for volume in volumes:
            self.assertTrue(volume.is_read_only)
            self.assertEqual(await volume.read(0, 6), b"sealed")
            await refused(ReadOnlyVolume, volume.write(0, b"x"))
        for volume in volumes:
            await volume.close()

    async def test_open_many(self: Any) -> None:
        """Data connections of one client write a volume together; another client has to wait."""
        client = await self.started()
        await client.create("v", MIB)
        first, second = await client.open("v"), await client.open("v")
        await first.write(0, b"one")
        await second.write(3, b"two")
        self.assertEqual(await first.read(0, 6), b"onetwo")
        await refused(VolumeBusy, self.client().open("v"))
        await first.close()
        await second.close()

    async def test_open_pipelined(self: Any) -> None:
        """Many requests at once over a data connection."""
        client = await self.started()
        await client.create("v", 10 * MIB)
        volume = await client.open("v")
        await self._pipelined(volume.write, volume.read)
        data = bytes(range(256)) * (4 * MIB // 256)
        await gatherResults(
            [Deferred.fromCoroutine(volume.write(n * MIB, data)) for n in (0, 5, 1, 6)]
        )
        self.assertEqual(await volume.read(6 * MIB, 4 * MIB), data)
        await volume.close()


class MapContract:
    """What volumes consist of."""

    async def test_map(self: Any) -> None:
        """Extents cover a range without gaps, and say what is there."""
        client = await self.started()
        await client.create("v", 16 * MIB)
        await client.write("v", 4 * MIB, b"x" * 4 * MIB)
        for found in (await client.mapr("v", 0, 16 * MIB), await client.mapw("v", 0, 16 * MIB)):
            self.assertEqual(covered(found), (0, 16 * MIB))
            own = [extent for extent in found if extent.kind == "own"]
            self.assertEqual(own, [Extent(4 * MIB, 4 * MIB, "own")])
        await refused(OutOfRange, client.mapr("v", 0, 17 * MIB))

    async def test_diff(self: Any) -> None:
        """What was changed between two snapshots is told, in parts."""
        client = await self.started()
        await client.create("v", 32 * MIB)
        await client.write("v", 0, b"first")
        await client.snapshot("v", "old")
        for number in (3, 9, 17):
            await client.write("v", number * MIB, b"changed")
        await client.snapshot("v", "new")
        found: list[Extent] = []
        at: int | None = 0
        while at is not None:
            part, at = await client.diff("old", "new", at, 1)
            self.assertLessEqual(len(part), 1)
            found += part
        for number in (3, 9, 17):
            inside = [e for e in found if e.offset <= number * MIB < e.offset + e.size]
            self.assertEqual(len(inside), 1)
        self.assertEqual([e for e in found if e.offset == 0], [])
        whole, _ = await client.diff(None, "new")
        self.assertEqual(whole[0].offset, 0)
        await refused(NotReadOnly, client.diff("old", "v"))

    async def test_hash(self: Any) -> None:
        """Equal content has an equal hash."""
        client = await self.started()
        for name, data in (("a", b"same"), ("b", b"same"), ("c", b"other")):
            await client.create(name, 5 * MIB)
            await client.write(name, 4 * MIB, data)
            await client.seal(name)
        a, b, c = [await client.hash(name) for name in "abc"]
        self.assertEqual(len(a), 64)
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    async def test_blocks(self: Any) -> None:
        """Blocks are stored once, under their hash, and volumes are made of them."""
        client = await self.started()
        data = b"block" * 1000
        key = await client.put_block(data + bytes(100))
        self.assertEqual(key, hashlib.sha256(data).hexdigest())
        self.assertEqual(await client.put_block(data), key)
        self.assertEqual(await client.get_block(key), data)
        absent = hashlib.sha256(b"absent").hexdigest()
        self.assertEqual(await client.have_blocks([absent, key]), [absent])
        await refused(NoSuchBlock, client.get_block(absent))
        await client.create_from_hashes("v", 8 * MIB, [key, key])
        self.assertEqual(await client.read("v", 4 * MIB, 5010), data + bytes(10))
        await client.write("v", 0, b"B")
        self.assertEqual(await client.read("v", 0, 5), b"Block")
        self.assertEqual(await client.get_block(key), data)
        await client.create_from_hashes("s", 8 * MIB, [key, key], read_only=True)
        self.assertTrue((await client.info("s")).read_only)
        await refused(NoSuchBlock, client.create_from_hashes("w", 4 * MIB, [absent]))
        await refused(BadRequest, client.create_from_hashes("w", 8 * MIB, [key]))
        await refused(BadRequest, client.get_block("no hash"))


class UpkeepContract:
    """Figures and upkeep."""

    async def test_upkeep(self: Any) -> None:
        """Each tells figures."""
        client = await self.started()
        await client.create("v", MIB)
        for found in (await client.statistics(), await client.gc(), await client.scrub()):
            self.assertIsInstance(found, dict)
        self.assertEqual(await client.read("v", 0, 1), b"\0")

    async def test_limits(self: Any) -> None:
        """Limits may be set and lifted; nonsense is refused."""
        client = await self.started()
        await client.create("v", MIB)
        await client.set_limits("v", Limits(1000, 1e6, 2))
        await client.set_limits("v", Limits())
        await refused(BadRequest, client.set_limits("v", Limits(-1)))

    async def test_acquire(self: Any) -> None:
        """Who acquired a volume may release it, once."""
        client = await self.started()
        await client.create("v", MIB)
        await client.acquire("v")
        await client.acquire("v")
        await client.write("v", 0, b"mine")
        await client.release("v")
        await refused(BadRequest, client.release("v"))
        await client.allow_handover("v")
        await client.hand_over("v")


def covered(extents: list[Extent]) -> tuple[int, int]:
    """Where extents begin and end, if there are no gaps."""
    for before, after in itertools.pairwise(extents):
        assert before.offset + before.size == after.offset, (before, after)
    return extents[0].offset, extents[-1].offset + extents[-1].size


class ClientContract(VolumeContract, DataContract, MapContract, UpkeepContract):
    """All of it."""

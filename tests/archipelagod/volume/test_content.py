"""
Content by its hash, and what differs between snapshots.
"""

from __future__ import annotations

import hashlib
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.store import open_memory_store
from archipelagod.volume import content
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.changes import changes
from archipelagod.volume.map_format import OBJECT_BYTES
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.volume.volume import Volume
from archipelagod.wire.errors import BadRequest, NoSuchBlock, NotReadOnly, OutOfRange

EMPTY = hashlib.sha256(b"").hexdigest()


def whole(volume: Volume) -> bytes:
    """All that a volume has."""
    found = bytearray(volume.size_bytes)
    volume.read_into(0, memoryview(found))
    return bytes(found)


class Pool(SynchronousTestCase):
    """A store in memory."""

    def setUp(self) -> None:
        """The store."""
        self.store = open_memory_store()
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, time.time)

    def opened(self, name: str) -> Volume:
        """The volume."""
        volume = open_volume(self.store, name, self.sessions.fresh())
        self.addCleanup(volume.close)
        return volume


class BlocksTests(Pool):
    """Blocks, and volumes made of them."""

    def test_key_ignores_zeros_at_the_end(self) -> None:
        """Blocks that differ in zeros at their end are one, stored once."""
        key = content.put_block(self.store, b"abc")
        self.assertEqual(key, hashlib.sha256(b"abc").hexdigest())
        self.assertEqual(content.put_block(self.store, b"abc" + bytes(1000)), key)
        self.assertEqual(content.get_block(self.store, key), b"abc")
        self.assertEqual(len(self.store.blocks.keys()), 1)

    def test_zeros(self) -> None:
        """A block of zeros is always there, and never stored."""
        self.assertEqual(content.put_block(self.store, bytes(4096)), EMPTY)
        self.assertEqual(content.get_block(self.store, EMPTY), b"")
        self.assertEqual(content.have_blocks(self.store, [EMPTY]), [])
        self.assertEqual(self.store.blocks.keys(), [])

    def test_missing(self) -> None:
        """Missing blocks are told; a volume can't be made of them."""
        known = content.put_block(self.store, b"a")
        unknown = hashlib.sha256(b"b").hexdigest()
        self.assertEqual(content.have_blocks(self.store, [known, unknown]), [unknown])
        self.assertRaises(NoSuchBlock, content.get_block, self.store, unknown)
        self.assertRaises(NoSuchBlock, self.made, [known, unknown])
        self.assertEqual(self.store.records.names("bodies"), [])

    def test_nonsense(self) -> None:
        """What is no hash, too long, or of the wrong number, is refused."""
        for key in ("", "ab", "zz" * 32, EMPTY + "00"):
            self.assertRaises(BadRequest, content.get_block, self.store, key)
        self.assertRaises(OutOfRange, content.put_block, self.store, bytes(OBJECT_BYTES + 1))
        self.assertRaises(BadRequest, self.made, [EMPTY], 2 * OBJECT_BYTES)

    def made(self, keys: list[str], size: int | None = None) -> None:
        """The volume "image" of these blocks."""
        size = len(keys) * OBJECT_BYTES if size is None else size
        content.create_from_hashes(self.catalogue, "image", size, keys, is_read_only=True)

    def test_volume_of_blocks(self) -> None:
        """A volume of blocks reads as they do; a clone of it is written without touching them."""
        keys = [content.put_block(self.store, text) for text in (b"one", b"", b"three")]
        self.made(keys)
        image = self.opened("image")
        expected = b"".join(text.ljust(OBJECT_BYTES, b"\0") for text in (b"one", b"", b"three"))
        self.assertEqual(whole(image), expected)
        self.assertEqual(
            [kind for *_, kind in image.mapping(0, image.size_bytes)], ["block", "zero", "block"]
        )
        self.catalogue.clone("image", "disk", 4 * OBJECT_BYTES)
        disk = self.opened("disk")
        disk.write(1, b"NE")
        disk.write(2 * OBJECT_BYTES + 4090, b"x" * 20)
        disk.flush()
        found = whole(disk)
        self.assertEqual(found[:3], b"oNE")
        self.assertEqual(found[2 * OBJECT_BYTES : 2 * OBJECT_BYTES + 5], b"three")
        self.assertEqual(found[2 * OBJECT_BYTES + 4090 :][:21], b"x" * 20 + b"\0")
        self.assertEqual(whole(image), expected)
        disk.own(0, disk.size_bytes)
        self.assertEqual(whole(disk), found)

    def test_many_blocks(self) -> None:
        """A long list has a body, and is gone with the volume."""
        self.patch(content, "DELTA_LIMIT", 1)
        self.made([content.put_block(self.store, text) for text in (b"a", b"b", b"c")])
        self.assertEqual(len(self.store.records.names("bodies")), 2)
        self.assertEqual(whole(self.opened("image"))[OBJECT_BYTES:][:1], b"b")
        self.catalogue.delete("image")
        self.catalogue.reclaim()
        self.assertEqual(self.store.records.names("bodies"), [])

    def test_hash(self) -> None:
        """The hash of a volume is that of the blocks it could be made of."""
        texts = [b"one", b"", b"three"]
        keys = [content.put_block(self.store, text) for text in texts]
        self.made(keys)
        self.catalogue.create("v", 3 * OBJECT_BYTES)
        volume = self.opened("v")
        for index, text in enumerate(texts):
            volume.write(index * OBJECT_BYTES, text)
        volume.close()
        self.assertRaises(NotReadOnly, content.hash_volume, volume)
        self.catalogue.seal("v")
        expected = content.hash_volume(self.opened("image"))
        self.assertEqual(content.hash_volume(self.opened("v")), expected)
        raw = [bytes.fromhex(key) for key in keys] + [bytes(32)]
        pairs = [hashlib.sha256(raw[at] + raw[at + 1]).digest() for at in (0, 2)]
        self.assertEqual(expected, hashlib.sha256(pairs[0] + pairs[1]).hexdigest())

    def test_root_of_few(self) -> None:
        """One leaf is its own root; none has the hash of nothing."""
        self.assertEqual(content.merkle_root([b"x" * 32]), b"x" * 32)
        self.assertEqual(content.merkle_root([]).hex(), EMPTY)


class ChangesTests(Pool):
    """changes."""

    @settings(max_examples=60)
    @given(st.data())
    def test_patch(self, data: st.DataObject) -> None:
        """What differs, put over the older snapshot, makes the newer one; page by page as well."""
        self.setUp()
        size = data.draw(st.sampled_from([OBJECT_BYTES, 2 * OBJECT_BYTES + 5000]))
        self.catalogue.create("v", size)
        volume = open_volume(self.store, "v", self.sessions.fresh())
        for number in range(3):
            for _ in range(data.draw(st.integers(0, 4))):
                self.scribble(data, volume)
            if data.draw(st.booleans()):
                new_size = data.draw(st.sampled_from([size, OBJECT_BYTES // 2, size + 70000]))
                volume.resize(new_size)
            self.catalogue.freeze(volume, self.catalogue.new_map(f"s{number}"))
        older = data.draw(st.sampled_from([None, "s0", "s1"]))
        limit = data.draw(st.sampled_from([1, 3, 1000]))
        self.assertEqual(self.patched(older, "s2", limit), whole(self.opened("s2")))
        volume.close()

    def scribble(self, data: st.DataObject, volume: Volume) -> None:
        """Some write or zeroing."""
        offset = data.draw(st.integers(0, volume.size_bytes - 1))
        size = data.draw(st.sampled_from([1, 4096, 10000, OBJECT_BYTES]))
        size = min(size, volume.size_bytes - offset)
        if data.draw(st.booleans()):
            volume.write(offset, data.draw(st.binary(min_size=1, max_size=1)) * size)
        else:
            volume.zero(offset, size)

    def patched(self, older: str | None, newer: str, limit: int) -> bytes:
        """The older one with what differs."""
        source = self.opened(newer)
        made = bytearray(source.size_bytes)
        if older is not None:
            kept = whole(self.opened(older))[: len(made)]
            made[: len(kept)] = kept
        offset: int | None = 0
        while offset is not None:
            page = changes(self.store, older, newer, offset, limit)
            for extent in page.extents:
                part = memoryview(made)[extent.offset : extent.offset + extent.size]
                source.read_into(extent.offset, part)
                self.assertTrue(extent.kind != "zero" or not any(part))
            offset = page.next_offset
        return bytes(made)

    def test_little_is_told(self) -> None:
        """Of a small write between snapshots 4 KiB are told, nothing of what stayed."""
        self.catalogue.create("v", 100 * OBJECT_BYTES)
        volume = self.opened("v")
        for index in range(100):
            volume.write(index * OBJECT_BYTES, b"x")
        self.catalogue.freeze(volume, self.catalogue.new_map("s0"))
        volume.write(7 * OBJECT_BYTES + 8192 + 1, b"y")
        self.catalogue.freeze(volume, self.catalogue.new_map("s1"))
        found = changes(self.store, "s0", "s1", 0, 1000)
        self.assertEqual(found.extents, [(7 * OBJECT_BYTES + 8192, 4096, "shared")])
        self.assertIsNone(found.next_offset)

    def test_blocks_are_compared_by_key(self) -> None:
        """Volumes of the same blocks do not differ; of others they do, whatever their places."""
        keys = [content.put_block(self.store, text) for text in (b"a", b"b")]
        for name, listed in (("x", keys), ("y", list(keys)), ("z", keys[::-1])):
            size = 2 * OBJECT_BYTES
            content.create_from_hashes(self.catalogue, name, size, listed, is_read_only=True)
        self.assertEqual(changes(self.store, "x", "y", 0, 10).extents, [])
        self.assertEqual(len(changes(self.store, "x", "z", 0, 10).extents), 2)

    def test_only_of_read_only(self) -> None:
        """A volume that may change meanwhile can't be compared."""
        self.catalogue.create("v", OBJECT_BYTES)
        self.assertRaises(NotReadOnly, changes, self.store, None, "v", 0, 1)

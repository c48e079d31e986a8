"""
Objects as files: file systems that can do less, that fail, or that others use too.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores import descriptors, file_copying, file_objects
from archipelagod.stores.descriptors import Descriptors
from archipelagod.stores.file_objects import FileObjects
from tests.archipelagod.stores.bare_python import start_python

OID = 1 << 32
BLOCK = 4096


def failing(number: int) -> Callable[..., Any]:
    """A system call that fails with the error."""

    def call(*arguments: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


class FileObjectsTests(SynchronousTestCase):
    """What file systems do."""

    def setUp(self) -> None:
        """Objects."""
        self.root = os.path.abspath(self.mktemp())
        self.objects = FileObjects(self.root)

    def content(self, oid: int, size: int = 1 << 20) -> bytes:
        """What the object has."""
        found = bytearray(size)
        return bytes(found[: self.objects.read_into(oid, 0, memoryview(found))])

    def test_copies_without_the_call(self) -> None:
        """A range is copied where the file system can't do it by itself."""
        self.objects.create(OID)
        self.objects.write(OID, 3000, b"x" * 3_000_000)
        for number in (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            self.patch(file_copying.os, "copy_file_range", failing(number))
            self.objects.create(OID + number)
            self.objects.copy_range(OID, OID + number, 0, 4 << 20)
            self.assertEqual(self.content(OID + number, 4 << 20), self.content(OID, 4 << 20))

    def test_failed_copy(self) -> None:
        """Another error of copying comes out."""
        self.objects.create(OID)
        self.objects.create(OID + 1)
        self.objects.write(OID, 0, b"x")
        self.patch(file_copying.os, "copy_file_range", failing(errno.ENOSPC))
        self.assertRaises(OSError, self.objects.copy_range, OID, OID + 1, 0, BLOCK)

    def test_zeros_without_the_call(self) -> None:
        """A range is overwritten where the file system can't free it."""
        self.patch(file_copying, "punch", lambda *_: False)
        self.objects.create(OID)
        self.objects.write(OID, 0, b"x" * 10_000)
        self.objects.zero(OID, 100, 5000)
        self.objects.zero(OID, 9000, 5000)
        self.assertEqual(self.content(OID), b"x" * 100 + bytes(5000) + b"x" * 3900 + bytes(1000))

    @settings(max_examples=40)
    @given(
        st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=20),
        st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=20),
        st.integers(0, 20 * BLOCK),
        st.integers(1, 20 * BLOCK),
    )
    def test_copy_range_like_bytes(
        self, source: list[int], target: list[int], offset: int, size: int
    ) -> None:
        """Any range is as in the source, and the rest of the target as before."""
        models = []
        for oid, blocks in ((OID, source), (OID + 1, target)):
            self.objects.remove(oid)
            self.objects.create(oid)
            model = bytearray()
            for index, kind in enumerate(blocks):
                if kind:
                    part = bytes([kind + (oid & 1) * 16]) * (BLOCK - (kind == 2) * 100)
                    self.objects.write(oid, index * BLOCK, part)
                    model.extend(bytes(index * BLOCK - len(model)))
                    model.extend(part)
            models.append(model)
        wanted, found = bytes(models[0]).ljust(40 * BLOCK, b"\0"), models[1]
        found = found.ljust(40 * BLOCK, b"\0")
        found[offset : offset + size] = wanted[offset : offset + size]
        self.objects.copy_range(OID, OID + 1, offset, size)
        self.assertEqual(self.content(OID + 1, 40 * BLOCK).ljust(40 * BLOCK, b"\0"), found)

    def test_one_block_takes_one_block(self) -> None:
        """A sparse object takes the space of what was copied into it."""
        self.objects.create(OID)
        self.objects.write(OID, 0, b"x" * (1 << 20))
        self.objects.create(OID + 1)
        self.objects.copy_range(OID, OID + 1, 512 << 10, BLOCK)
        self.assertLessEqual(self.objects.space(OID + 1), 4 * BLOCK)

    def test_failed_sync(self) -> None:
        """An error of the medium at flush comes out."""
        self.objects.create(OID)
        self.patch(file_objects.os, "fdatasync", failing(errno.EIO))
        self.assertRaises(OSError, self.objects.flush, [OID])

    def test_failed_close(self) -> None:
        """What NFS tells when a file is closed comes out at the next flush, once."""
        self.objects.create(OID)
        self.objects.write(OID, 0, b"x")
        close = os.close

        def late(fd: int) -> None:
            close(fd)
            raise OSError(errno.EDQUOT, "too much")

        self.patch(descriptors.os, "close", late)
        self.objects.close()
        self.patch(descriptors.os, "close", close)
        self.assertRaises(OSError, self.objects.flush, [OID])
        self.objects.flush([OID])

    def test_stale(self) -> None:
        """A handle that the NFS server no longer knows is opened anew."""
        self.objects.create(OID)
        self.objects.write(OID, 0, b"hello")
        preadv = os.preadv

        def stale(*arguments: Any) -> Any:
            self.patch(file_copying.os, "preadv", preadv)
            raise OSError(errno.ESTALE, "stale")

        self.patch(file_copying.os, "preadv", stale)
        self.assertEqual(self.content(OID), b"hello")
        os.unlink(f"{self.root}/01/00000001/000000/00000000")
        self.patch(file_copying.os, "preadv", stale)
        self.assertRaises(FileNotFoundError, self.content, OID)

    def test_no_cached_reads(self) -> None:
        """Where a read can't be told not to wait, it is not made."""
        self.objects.create(OID)
        self.objects.write(OID, 0, b"hello")
        self.patch(file_objects.os, "preadv", failing(errno.EOPNOTSUPP))
        self.assertFalse(self.objects.read_now(OID, 0, memoryview(bytearray(5))))

    def test_of_another_process(self) -> None:
        """What another process made is read."""
        program = (
            "from archipelagod.stores.file_objects import FileObjects\n"
            "objects = FileObjects(sys.argv[1])\n"
            "objects.create(5 << 32)\n"
            "objects.write(5 << 32, 0, b'hello')\n"
        )
        self.assertEqual(start_python(self, program, self.root).wait(), 0)
        self.assertEqual(self.content(5 << 32), b"hello")
        self.assertEqual(self.objects.sessions(), [5])


class DescriptorsTests(SynchronousTestCase):
    """Open files."""

    def test_stays_open(self) -> None:
        """A descriptor that is let go of stays open as long as it is referenced."""
        path = self.mktemp()
        kept = Descriptors(1)
        first = kept.open("a", path, os.O_RDWR | os.O_CREAT)
        kept.open("b", path, os.O_RDWR)
        self.assertIsNone(kept.get("a"))
        os.write(first, b"x")
        number = int(first)
        del first
        self.assertRaises(OSError, os.fstat, number)

    def test_no_more_descriptors(self) -> None:
        """When the process has no more, those that are kept make room."""
        path = self.mktemp()
        kept = Descriptors(10)
        kept.open("a", path, os.O_RDWR | os.O_CREAT)
        opened = os.open

        def full(*arguments: Any) -> int:
            if kept.get("a") is not None:
                raise OSError(errno.EMFILE, "too many")
            return opened(*arguments)

        self.patch(descriptors.os, "open", full)
        os.fstat(kept.open("b", path, os.O_RDWR))

"""
The format of backups.
"""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.backup.stream import (
    END,
    BadStream,
    Part,
    Start,
    pack_part,
    pack_start,
    read_parts,
    read_start,
)

names = st.one_of(st.none(), st.text(max_size=20))
sizes = st.integers(0, 2**64 - 1)
starts = st.builds(Start, names, names, sizes)
zeros = st.builds(Part, sizes, sizes, st.none())
written = st.binary(max_size=50).flatmap(
    lambda data: st.builds(Part, sizes, st.just(len(data)), st.just(data))
)
parts = st.lists(st.one_of(zeros, written), max_size=6)


def packed(start: Start, content: list[Part]) -> bytes:
    """A whole backup."""
    return pack_start(start) + b"".join(map(pack_part, content)) + END


class StreamTests(SynchronousTestCase):
    """pack and read."""

    @given(starts, parts)
    def test_round_trip(self, start: Start, content: list[Part]) -> None:
        """What is written is read."""
        source = io.BytesIO(packed(start, content))
        self.assertEqual(read_start(source.read), start)
        self.assertEqual(list(read_parts(source.read)), content)

    @given(starts, parts, st.data())
    def test_cut(self, start: Start, content: list[Part], data: st.DataObject) -> None:
        """A backup that ends too early is no backup."""
        whole = packed(start, content)
        source = io.BytesIO(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with self.assertRaises(BadStream):
            read_start(source.read)
            list(read_parts(source.read))

    @given(st.binary(max_size=100), st.booleans())
    def test_any_bytes(self, data: bytes, has_start: bool) -> None:
        """Anything is a backup or BadStream."""
        source = io.BytesIO((pack_start(Start(None, None, 1)) if has_start else b"") + data)
        try:
            read_start(source.read)
            list(read_parts(source.read))
        except BadStream:
            return

    def test_layout(self) -> None:
        """The bytes are those that Ceph documents."""
        made = packed(Start("a", "b", 258), [Part(1, 2, b"xy"), Part(3, 4, None)])
        expected = b"rbd diff v1\n" + b"f\1\0\0\0a" + b"t\1\0\0\0b" + b"s\2\1" + bytes(6)
        expected += b"w" + b"\1" + bytes(7) + b"\2" + bytes(7) + b"xy"
        expected += b"z" + b"\3" + bytes(7) + b"\4" + bytes(7) + b"e"
        self.assertEqual(made, expected)

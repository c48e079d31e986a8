"""
Frames of the block protocol.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.wire.frames import (
    ERROR,
    HEADER_BYTES,
    MAX_DATA,
    REPLY,
    REQUEST,
    BadFrame,
    Frame,
    FrameDecoder,
    encode,
)
from tests.archipelagod.cuts import chunks

half = st.integers(0, 2**16 - 1)
long = st.integers(0, 2**64 - 1)
frames = st.builds(
    Frame,
    kind=st.sampled_from([REQUEST, REPLY, ERROR]),
    operation=half,
    serial=long,
    flags=half,
    status=half,
    offset=long,
    size=long,
    target=st.text(max_size=40).filter(lambda text: len(text.encode()) < 256),
    data=st.binary(max_size=200),
)


class FrameTests(SynchronousTestCase):
    """encode and FrameDecoder."""

    @given(st.lists(frames, max_size=5), st.data())
    def test_any_chunking(self, sent: list[Frame], data: st.DataObject) -> None:
        """However the bytes arrive, the same frames come out."""
        decoder = FrameDecoder()
        stream = b"".join(encode(frame) for frame in sent)
        found = [frame for chunk in chunks(data, stream) for frame in decoder.feed(chunk)]
        self.assertEqual(found, sent)

    @given(frames, st.integers(0, HEADER_BYTES - 1), st.integers(1, 255))
    def test_damaged_header(self, frame: Frame, at: int, change: int) -> None:
        """Any change in a header is noticed."""
        data = bytearray(encode(frame))
        data[at] ^= change
        with self.assertRaises(BadFrame):
            list(FrameDecoder().feed(bytes(data)))

    @given(st.binary(min_size=HEADER_BYTES, max_size=200))
    def test_garbage(self, data: bytes) -> None:
        """Garbage is refused as soon as a header could be there."""
        with self.assertRaises(BadFrame):
            list(FrameDecoder().feed(data))

    def test_too_long(self) -> None:
        """A frame above the limit is refused by its header alone."""
        frame = encode(Frame(REQUEST, 1, data=bytes(300)))
        with self.assertRaises(BadFrame):
            list(FrameDecoder(256).feed(frame[:HEADER_BYTES]))
        with self.assertRaises(BadFrame):
            encode(Frame(REQUEST, 1, data=bytes(MAX_DATA + 1)))
        with self.assertRaises(BadFrame):
            encode(Frame(REQUEST, 1, target="x" * 256))

    def test_layout(self) -> None:
        """The bytes are those of docs/protocol.md."""
        data = encode(
            Frame(REQUEST, 11, 0x1122, flags=1, offset=4096, size=7, target="ab", data=b"xyz")
        )
        expected = (
            "534e4642 01010b00 01000000 22110000 00000000 00100000 00000000 07000000 "
            "00000000 02000000 03000000 " + data[44:48].hex() + " 61627879 7a"
        )
        self.assertEqual(data.hex(), expected.replace(" ", ""))

"""Frames and messages, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from txamqp.connection import Body
from txamqp.content import Content

from synnefo_tx.daemon.amqp.definition import protocol
from synnefo_tx.daemon.amqp.field_tables import Malformed, Unencodable
from synnefo_tx.daemon.amqp.frames import (
    BEAT,
    FrameReader,
    MessageReader,
    content_bytes,
    enclose,
    method_bytes,
)

FRAME_MAX = 64
BASIC = protocol().classes.byname["basic"]
DELIVER = BASIC.methods.byname["deliver"]
ACK = BASIC.methods.byname["ack"]

headers = st.dictionaries(st.sampled_from(["λ", "b"]), st.integers(-5, 5), max_size=1)
deliveries = st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=300), headers)
messages = st.lists(st.tuples(st.integers(1, 3), deliveries), max_size=5)


def cut(data: bytes, sizes: list[int]) -> Iterable[bytes]:
    """`data` in pieces of these sizes, over and over."""
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at += size
        turn += 1


def delivered(channel: int, delivery: tuple[int, bytes, dict[str, Any]]) -> bytes:
    tag, body, table = delivery
    content = Content(body, [], {"headers": table, "delivery-mode": 2})
    return method_bytes(channel, DELIVER, ("c", tag, True, "x", "κλειδί")) + content_bytes(
        channel, BASIC, content, FRAME_MAX
    )


class FrameReaderTests(SynchronousTestCase):
    """From bytes to frames to messages."""

    @given(messages, st.lists(st.integers(1, 40), min_size=1, max_size=5))
    def test_any_chunking_gives_the_same_messages(self, sent, sizes) -> None:
        """Messages of several channels come out whole, wherever the stream is cut."""
        data = b"".join(delivered(channel, delivery) + BEAT for channel, delivery in sent)
        reader = FrameReader(FRAME_MAX)
        channels = {number: MessageReader() for number in (1, 2, 3)}
        got = []
        for piece in cut(data, sizes):
            for frame in reader.feed(piece):
                if frame.channel == 0:
                    continue
                message = channels[frame.channel].feed(frame.payload)
                if message is not None:
                    properties = message.content.properties
                    got.append((frame.channel, (message.delivery_tag, message.content.body,
                                                properties["headers"])))  # fmt: skip
        self.assertEqual(got, sent)

    @given(st.binary(max_size=200), st.lists(st.integers(1, 40), min_size=1, max_size=5))
    def test_rubbish_is_malformed(self, data: bytes, sizes: list[int]) -> None:
        """Bytes from anywhere give frames or Malformed, nothing else."""
        reader = FrameReader(FRAME_MAX)
        try:
            for piece in cut(data, sizes):
                for frame in reader.feed(piece):
                    MessageReader().feed(frame.payload)
        except Malformed:
            pass

    def test_long_frame_is_refused_by_its_length(self) -> None:
        """A frame over the agreed length is refused before its bytes are there."""
        reader = FrameReader(FRAME_MAX)
        self.assertRaises(Malformed, list, reader.feed(b"\x03\0\x01\x7f\xff\xff\xff"))

    def test_wrong_end(self) -> None:
        """A frame that does not end as frames do is malformed."""
        reader = FrameReader(FRAME_MAX)
        self.assertRaises(Malformed, list, reader.feed(BEAT[:-1] + b"\0"))

    def test_channels_may_interleave(self) -> None:
        """Frames of two bodies that arrive by turns make two whole bodies."""
        reader = FrameReader(FRAME_MAX)
        one = list(reader.feed(delivered(1, (1, b"a" * 150, {}))))
        two = list(reader.feed(delivered(2, (2, b"b" * 150, {}))))
        channels = {1: MessageReader(), 2: MessageReader()}
        bodies = []
        for frame in (frame for pair in zip(one, two, strict=True) for frame in pair):
            message = channels[frame.channel].feed(frame.payload)
            if message is not None:
                bodies.append(message.content.body)
        self.assertEqual(bodies, [b"a" * 150, b"b" * 150])


class ContentTests(SynchronousTestCase):
    """Bodies and properties on the way out."""

    @given(st.integers(0, 500))
    def test_no_frame_is_too_long(self, size: int) -> None:
        """A body of any size travels in frames of at most the agreed length."""
        data = content_bytes(1, BASIC, Content(b"x" * size, [], {}), FRAME_MAX)
        sizes = [
            len(frame.payload.content)
            for frame in FrameReader(FRAME_MAX).feed(data)
            if isinstance(frame.payload, Body)
        ]
        self.assertEqual(sum(sizes), size)

    def test_headers_longer_than_a_frame(self) -> None:
        """Headers must fit in one frame; else nothing is sent."""
        content = Content(b"", [], {"headers": {"k": "x" * FRAME_MAX}})
        self.assertRaises(Unencodable, content_bytes, 1, BASIC, content, FRAME_MAX)

    def test_unknown_property(self) -> None:
        """A property that AMQP does not have is refused, not dropped."""
        content = Content(b"", [], {"delivery mode": 2})
        self.assertRaises(Unencodable, content_bytes, 1, BASIC, content, FRAME_MAX)

    def test_all_properties_travel(self) -> None:
        """Each property comes back under its own name."""
        properties: dict[str, object] = {
            field.name: {"shortstr": field.name, "octet": 7, "timestamp": 8, "table": {"a": 1}}[
                field.type
            ]
            for field in BASIC.fields
        }
        data = content_bytes(1, BASIC, Content(b"", [], properties), 1000)
        (frame,) = FrameReader(1000).feed(data)
        self.assertEqual(frame.payload.properties, properties)


class MessageReaderTests(SynchronousTestCase):
    """A peer that mixes up its frames."""

    def read(self, data: bytes) -> None:
        reader = MessageReader()
        for frame in FrameReader(FRAME_MAX).feed(data):
            reader.feed(frame.payload)

    def test_body_without_header(self) -> None:
        """A body that nothing announced is malformed."""
        self.assertRaises(Malformed, self.read, enclose(3, 1, b"x"))

    def test_header_without_method(self) -> None:
        """Content that belongs to no method is malformed."""
        data = content_bytes(1, BASIC, Content(b"", [], {}), FRAME_MAX)
        self.assertRaises(Malformed, self.read, data)

    def test_method_inside_content(self) -> None:
        """A method between a method and its content is malformed."""
        data = method_bytes(1, DELIVER, ("c", 1, False, "x", "k"))
        self.assertRaises(Malformed, self.read, data + method_bytes(1, ACK, (1, False)))

    def test_more_body_than_announced(self) -> None:
        """A longer body than its header says is malformed."""
        data = delivered(1, (1, b"abc", {})).replace(b"\0\0\0\x03abc", b"\0\0\0\x04abcd")
        self.assertRaises(Malformed, self.read, data)

    def test_unknown_method(self) -> None:
        """A method that the definition lacks is malformed."""
        self.assertRaises(Malformed, self.read, enclose(1, 1, b"\0\x3c\x03\xe7"))

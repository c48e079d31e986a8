"""Fields on the wire, checked against bytes written down by hand and by round trip."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.daemon.amqp.field_tables import MAX_DEPTH, FieldCodec, Malformed, Unencodable

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001
times = st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
decimals = st.builds(
    lambda unscaled, scale: Decimal(unscaled).scaleb(-scale),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 9),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | times
    | decimals
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
)
tables = st.dictionaries(names, values, max_size=6)


def encoded(table: dict[str, object]) -> bytes:
    codec = FieldCodec()
    codec.encode_table(table)
    return codec.written()


class RoundTripTests(SynchronousTestCase):
    """What is encoded is decoded to the same."""

    @given(tables)
    def test_tables(self, table: dict[str, object]) -> None:
        """Any table of any types comes back, and every value with its type."""
        codec = FieldCodec(encoded(table))
        decoded = codec.decode_table()
        self.assertEqual(decoded, table)
        self.assertEqual(repr(decoded), repr(table))
        self.assertFalse(codec.remains())

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=63))
    def test_short_strings(self, text: str) -> None:
        """A short string is counted in bytes."""
        codec = FieldCodec()
        codec.encode_shortstr(text)
        self.assertEqual(codec.written()[0], len(text.encode()))
        self.assertEqual(FieldCodec(codec.written()).decode_shortstr(), text)

    @given(st.binary(max_size=80))
    def test_any_bytes_as_a_table(self, data: bytes) -> None:
        """Bytes from anywhere are a table or malformed: no other error, no endless loop."""
        try:
            table = FieldCodec(len(data).to_bytes(4, "big") + data).decode_table()
        except Malformed:
            return
        self.assertIsInstance(table, dict)


class LettersTests(SynchronousTestCase):
    """The letters of the types, by hand from the specification with RabbitMQ's errata."""

    def table(self, value: bytes) -> object:
        body = b"\x01k" + value
        return FieldCodec(len(body).to_bytes(4, "big") + body).decode_table()["k"]

    def test_decoded(self) -> None:
        """Each letter that RabbitMQ can send has its type."""
        cases: list[tuple[bytes, object]] = [
            (b"t\x01", True),
            (b"t\x00", False),
            (b"b\xff", -1),
            (b"B\xff", 255),
            (b"s\xff\xfe", -2),
            (b"U\xff\xfe", -2),
            (b"u\xff\xfe", 65534),
            (b"I\xff\xff\xff\xff", -1),
            (b"i\xff\xff\xff\xff", 2**32 - 1),
            (b"l\x80" + b"\0" * 7, -(2**63)),
            (b"L\x7f" + b"\xff" * 7, 2**63 - 1),
            (b"f\x3f\xc0\0\0", 1.5),
            (b"d\x3f\xf8" + b"\0" * 6, 1.5),
            (b"D\x02\xff\xff\xff\xff", Decimal("-0.01")),
            (b"S\0\0\0\x02\xce\xbb", "λ"),
            (b"S\0\0\0\x01\xff", b"\xff"),
            (b"x\0\0\0\x01a", b"a"),
            (b"T\0\0\0\0\0\0\0\x01", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
            (b"V", None),
            (b"A\0\0\0\x04t\x01t\x00", [True, False]),
            (b"F\0\0\0\x04\x01ab\x05", {"a": 5}),
        ]
        for data, value in cases:
            self.assertEqual(self.table(data), value, data)

    def test_encoded(self) -> None:
        """A negative number, a large one, text and bytes are written with RabbitMQ's letters."""
        self.assertEqual(encoded({"k": -1}), b"\0\0\0\x07\x01kI\xff\xff\xff\xff")
        self.assertEqual(encoded({"k": 2**31}), b"\0\0\0\x0b\x01kl\0\0\0\0\x80\0\0\0")
        self.assertEqual(encoded({"k": "λ"}), b"\0\0\0\x09\x01kS\0\0\0\x02\xce\xbb")
        self.assertEqual(encoded({"k": b"a"}), b"\0\0\0\x08\x01kx\0\0\0\x01a")
        self.assertEqual(encoded({"k": True}), b"\0\0\0\x04\x01kt\x01")


class RefusedTests(SynchronousTestCase):
    """What has no form in AMQP is refused before anything is sent."""

    def test_values(self) -> None:
        """Numbers over 64 bits, strangers, half characters and naive times are refused."""
        for value in (2**63, object(), "\ud800", NAIVE, {1, 2}, Decimal("NaN")):
            self.assertRaises(Unencodable, encoded, {"k": value})

    def test_names(self) -> None:
        """A name is text of at most 255 bytes."""
        self.assertRaises(Unencodable, encoded, {1: "a"})
        self.assertRaises(Unencodable, encoded, {"λ" * 128: "a"})

    def test_depth_written(self) -> None:
        """A value that contains itself is refused, and so is what a reader would refuse."""
        endless: list[object] = []
        endless.append(endless)
        self.assertRaises(Unencodable, encoded, {"k": endless})

    def test_depth_read(self) -> None:
        """A peer can't nest so deeply that Python's stack ends."""
        data = b""
        for _ in range(MAX_DEPTH + 1):
            data = b"A" + len(data).to_bytes(4, "big") + data
        body = b"\x01k" + data
        codec = FieldCodec(len(body).to_bytes(4, "big") + body)
        self.assertRaises(Malformed, codec.decode_table)

    def test_truncated(self) -> None:
        """A table shorter than it says is malformed at every length."""
        whole = encoded({"k": [1, "a", None], "n": {"m": 1.5}})
        for size in range(len(whole)):
            self.assertRaises(Malformed, FieldCodec(whole[:size]).decode_table)

"""
Values of AMQP fields: strings measured in bytes, and field tables with every type.

txamqp 0.8.2 knows four types in a table, counts characters for bytes, and writes a negative
number's header as a struct.error in its writer.
Source: AMQP 0-9-1 section 4.2.5, with RabbitMQ's letters where both differ (its "errata" page).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from txamqp.codec import Codec

MAX_DEPTH = 32

_FIXED: dict[bytes, str] = {
    b"b": "!b", b"B": "!B", b"s": "!h", b"U": "!h", b"u": "!H", b"I": "!i", b"i": "!I",
    b"l": "!q", b"L": "!q", b"f": "!f", b"d": "!d",
}  # fmt: skip


class Unencodable(ValueError):
    """This value has no form in AMQP."""


class Malformed(ValueError):
    """These bytes are not AMQP."""


class FieldCodec(Codec):  # type: ignore[misc]  # txamqp is untyped
    """Reads and writes fields; raises Unencodable and Malformed, nothing else."""

    def __init__(self, data: bytes = b"", depth: int = 0) -> None:
        super().__init__(BytesIO(data))
        self._depth = depth

    def written(self) -> bytes:
        """What has been encoded so far."""
        self.flush()
        return bytes(self.stream.getvalue())

    def read(self, n: int) -> bytes:
        data = bytes(self.stream.read(n))
        if len(data) != n:
            raise Malformed(f"{n} bytes announced, {len(data)} there")
        self.nread += n
        return data

    def pack(self, fmt: str, *args: Any) -> None:
        try:
            self.write(struct.pack(fmt, *args))
        except struct.error as error:
            raise Unencodable(f"{args!r}: {error}") from error

    def enc_str(self, fmt: str, s: str | bytes) -> None:
        try:
            data = s.encode() if isinstance(s, str) else bytes(s)
        except UnicodeEncodeError as error:
            raise Unencodable(f"{s!r} is not text") from error
        self.pack(fmt, len(data))
        self.write(data)

    def dec_str(self, fmt: str) -> str:
        return self.dec_bytes(fmt).decode(errors="surrogateescape")

    def dec_bytes(self, fmt: str) -> bytes:
        (size,) = struct.unpack(fmt, self.read(struct.calcsize(fmt)))
        return self.read(size)

    def encode_table(self, tbl: dict[str, Any]) -> None:
        inner = self._nested(b"")
        for name, value in tbl.items():
            if not isinstance(name, str):
                raise Unencodable(f"a header's name is text, not {name!r}")
            inner.encode_shortstr(name)
            inner.encode_value(value)
        self.enc_str("!L", inner.written())

    def decode_table(self) -> dict[str, Any]:
        inner = self._nested(self.dec_bytes("!L"))
        table: dict[str, Any] = {}
        while inner.remains():
            name = inner.decode_shortstr()
            table[name] = inner.decode_value()
        return table

    def remains(self) -> bool:
        """Bytes are left to decode."""
        return bool(self.nread < self.stream.getbuffer().nbytes)

    def encode_value(self, value: Any) -> None:
        """One value of a table or array, its type's letter first."""
        match value:
            case None:
                self.write(b"V")
            case bool():
                self.write(b"t" + bytes([value]))
            case int():
                self._encode_integer(value)
            case float():
                self._tagged(b"d", "!d", value)
            case str():
                self.write(b"S")
                self.enc_str("!L", value)
            case bytes() | bytearray() | memoryview():
                self.write(b"x")
                self.enc_str("!L", bytes(value))
            case dict():
                self.write(b"F")
                self.encode_table(value)
            case list() | tuple():
                self._encode_array(value)
            case datetime():
                self._encode_time(value)
            case Decimal():
                self._encode_decimal(value)
            case _:
                raise Unencodable(f"no AMQP type for {type(value).__name__}")

    def decode_value(self) -> Any:
        """The next value, whatever its type.  Text that is not UTF-8 comes as bytes."""
        letter = self.read(1)
        if letter in _FIXED:
            fmt = _FIXED[letter]
            return struct.unpack(fmt, self.read(struct.calcsize(fmt)))[0]
        decode = _DECODERS.get(letter)
        if decode is None:
            raise Malformed(f"unknown type {letter!r} in a table")
        return decode(self)

    def _nested(self, data: bytes) -> FieldCodec:
        if self._depth >= MAX_DEPTH:
            raise (Malformed if data else Unencodable)(f"nested deeper than {MAX_DEPTH}")
        return FieldCodec(data, self._depth + 1)

    def _tagged(self, letter: bytes, fmt: str, *values: Any) -> None:
        self.write(letter)
        self.pack(fmt, *values)

    def _encode_integer(self, value: int) -> None:
        if -(1 << 31) <= value < 1 << 31:
            self._tagged(b"I", "!i", value)
        else:
            self._tagged(b"l", "!q", value)

    def _encode_array(self, values: list[Any] | tuple[Any, ...]) -> None:
        inner = self._nested(b"")
        for value in values:
            inner.encode_value(value)
        self.write(b"A")
        self.enc_str("!L", inner.written())

    def _encode_time(self, value: datetime) -> None:
        """Whole seconds: AMQP knows no parts of them."""
        if value.tzinfo is None:
            raise Unencodable(f"{value!r} is in no time zone")
        self._tagged(b"T", "!Q", int(value.timestamp()))

    def _encode_decimal(self, value: Decimal) -> None:
        sign, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise Unencodable(f"{value} is no number")
        unscaled = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
        self._tagged(b"D", "!Bi", max(-exponent, 0), -unscaled if sign else unscaled)

    def _decode_array(self) -> list[Any]:
        inner = self._nested(self.dec_bytes("!L"))
        values = []
        while inner.remains():
            values.append(inner.decode_value())
        return values

    def _decode_text(self) -> str | bytes:
        data = self.dec_bytes("!L")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data

    def _decode_time(self) -> datetime:
        (seconds,) = struct.unpack("!Q", self.read(8))
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise Malformed(f"no time: {seconds}") from error

    def _decode_decimal(self) -> Decimal:
        scale, unscaled = struct.unpack("!Bi", self.read(5))
        return Decimal(unscaled).scaleb(-scale)


_DECODERS = {
    b"t": lambda codec: codec.read(1) != b"\0",
    b"V": lambda _codec: None,
    b"S": FieldCodec._decode_text,
    b"x": lambda codec: codec.dec_bytes("!L"),
    b"F": FieldCodec.decode_table,
    b"A": FieldCodec._decode_array,
    b"T": FieldCodec._decode_time,
    b"D": FieldCodec._decode_decimal,
}

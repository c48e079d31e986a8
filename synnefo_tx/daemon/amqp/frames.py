"""
Frames of AMQP: bytes in, values out, no I/O.

txamqp 0.8.2 turns bodies into text when they happen to decode, cuts what exceeds one frame, and
drops what it has read so far when a read ends inside a frame.  Here a body is bytes from end to
end, and a message reaches its channel whole.
Source: AMQP 0-9-1 section 4.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from txamqp.connection import Body, Frame, Header, Heartbeat, Method
from txamqp.content import Content
from txamqp.message import Message

from synnefo_tx.daemon.amqp.definition import protocol
from synnefo_tx.daemon.amqp.field_tables import FieldCodec, Malformed, Unencodable

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
END = 206
PREFIX = struct.Struct("!BHL")
OVERHEAD = PREFIX.size + 1
PROPERTY_BITS = 16
GREETING = b"AMQP\x00\x00\x09\x01"
BEAT = PREFIX.pack(HEARTBEAT, 0, 0) + bytes([END])


def enclose(kind: int, channel: int, payload: bytes) -> bytes:
    """One frame on the wire."""
    return PREFIX.pack(kind, channel, len(payload)) + payload + bytes([END])


def method_bytes(channel: int, method: Any, arguments: tuple[Any, ...]) -> bytes:
    """The frame that invokes `method` (of the definition).  Raises Unencodable."""
    codec = FieldCodec()
    codec.encode_short(method.klass.id)
    codec.encode_short(method.id)
    for field, argument in zip(method.fields, arguments, strict=True):
        codec.encode(field.type, argument)
    return enclose(METHOD, channel, codec.written())


def content_bytes(channel: int, klass: Any, content: Content, frame_max: int) -> bytes:
    """The frames of a body and its properties, none longer than `frame_max` bytes."""
    body = bytes(content.body)
    frames = [enclose(HEADER, channel, _header_payload(klass, len(body), content.properties))]
    room = frame_max - OVERHEAD
    frames.extend(
        enclose(BODY, channel, body[start : start + room]) for start in range(0, len(body), room)
    )
    if len(frames[0]) > frame_max:
        raise Unencodable(f"headers of {len(frames[0])} bytes, one frame takes {frame_max}")
    return b"".join(frames)


def _header_payload(klass: Any, size: int, properties: dict[str, Any]) -> bytes:
    unknown = properties.keys() - klass.fields.byname.keys()
    if unknown:
        raise Unencodable(f"unknown properties {sorted(unknown)}")
    flags = 0
    values = FieldCodec()
    for bit, field in enumerate(klass.fields):
        value = properties.get(field.name)
        if value is not None:
            flags |= 1 << (PROPERTY_BITS - 1 - bit)
            values.encode(field.type, value)
    return struct.pack("!HHQH", klass.id, 0, size, flags) + values.written()


def _decode_method(payload: bytes) -> Method:
    codec = FieldCodec(payload)
    klass_id, method_id = codec.decode_short(), codec.decode_short()
    try:
        method = protocol().classes.byid[klass_id].methods.byid[method_id]
    except KeyError:
        raise Malformed(f"unknown method {klass_id}.{method_id}") from None
    return Method(method, *(codec.decode(field.type) for field in method.fields))


def _decode_header(payload: bytes) -> Header:
    codec = FieldCodec(payload)
    klass_id, _weight, size = codec.decode_short(), codec.decode_short(), codec.decode_longlong()
    flags = codec.decode_short()
    klass = protocol().classes.byid.get(klass_id)
    if klass is None or flags & 1:
        raise Malformed(f"bad content header, class {klass_id}, flags {flags:#x}")
    properties = {
        field.name: codec.decode(field.type)
        for bit, field in enumerate(klass.fields)
        if flags & 1 << (PROPERTY_BITS - 1 - bit)
    }
    header = Header(klass, 0, size)
    header.properties = properties
    return header


_PAYLOADS: dict[int, Callable[[bytes], Any]] = {
    METHOD: _decode_method,
    HEADER: _decode_header,
    BODY: Body,
    HEARTBEAT: lambda _payload: Heartbeat(),
}


class FrameReader:
    """
    Cuts a stream of bytes into frames.

    frame_max: longest frame accepted, bytes, its eight bytes of envelope included.
    """

    def __init__(self, frame_max: int) -> None:
        self.frame_max = frame_max
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes.  Raises Malformed."""
        self._pending += data
        while len(self._pending) >= PREFIX.size:
            kind, channel, size = PREFIX.unpack_from(self._pending)
            if size + OVERHEAD > self.frame_max:
                raise Malformed(f"frame of {size + OVERHEAD} bytes, {self.frame_max} agreed")
            if len(self._pending) < size + OVERHEAD:
                return
            payload = bytes(self._pending[PREFIX.size : PREFIX.size + size])
            end = self._pending[PREFIX.size + size]
            del self._pending[: size + OVERHEAD]
            if end != END or kind not in _PAYLOADS:
                raise Malformed(f"frame of kind {kind} that ends with {end}")
            yield Frame(channel, _PAYLOADS[kind](payload))


class MessageReader:
    """Puts the frames of one channel together to whole messages."""

    def __init__(self) -> None:
        self._method: Method | None = None
        self._header: Header | None = None
        self._chunks: list[bytes] = []
        self._missing = 0

    def feed(self, payload: Method | Header | Body) -> Message | None:
        """The message that `payload` completes, or None.  Raises Malformed."""
        if isinstance(payload, Method):
            return self._begin(payload)
        if isinstance(payload, Header):
            return self._announce(payload)
        if self._header is None or len(payload.content) > self._missing:
            raise Malformed("more body than was announced")
        self._chunks.append(payload.content)
        self._missing -= len(payload.content)
        return self._finish()

    def _begin(self, payload: Method) -> Message | None:
        if self._method is not None:
            raise Malformed(f"{payload.method.name} inside the content of {self._method}")
        if payload.method.content:
            self._method = payload
            return None
        return Message(payload.method, list(payload.args))

    def _announce(self, payload: Header) -> Message | None:
        if self._method is None or self._header is not None:
            raise Malformed("content header without a method")
        self._header = payload
        self._missing = payload.size
        return self._finish()

    def _finish(self) -> Message | None:
        if self._missing or self._method is None or self._header is None:
            return None
        content = Content(b"".join(self._chunks), [], self._header.properties)
        message = Message(self._method.method, list(self._method.args), content)
        self._method = self._header = None
        self._chunks = []
        return message

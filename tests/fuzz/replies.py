"""
What was answered to each request, whatever the order and the form.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Set as AbstractSet
from typing import Any

from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import CHUNK, SIMPLE
from archipelagod.wire.frames import ERROR, FrameDecoder

_OFFSET = struct.Struct(">Q")
_HOLE = struct.Struct(">QI")
_EXTENT = struct.Struct(">II")
_ERROR = struct.Struct(">IH")


def answers_to_frames(said: bytes, unsure: AbstractSet[int]) -> dict[int, Any]:
    """
    By serial: what the one reply says; texts of errors may differ, and the content of the unsure.
    """
    decoder = FrameDecoder()
    found: dict[int, Any] = {}
    for frame in decoder.feed(said):
        serial = -1 if frame.kind == ERROR else frame.serial
        assert serial not in found, frame
        is_sure = not frame.status and serial not in unsure
        told = zlib.crc32(frame.data) if is_sure else 0
        size = len(frame.data) if not frame.status else 0
        found[serial] = (
            frame.kind,
            frame.operation,
            frame.status,
            frame.flags,
            frame.size,
            size,
            told,
        )
    assert not decoder.rest()
    return found


def answers_to_nbd(said: bytes, reads: dict[int, int], unsure: AbstractSet[int]) -> dict[int, Any]:
    """
    By cookie: the error, or a read's content if it is not unsure.  reads: their sizes.
    """
    found: dict[int, Any] = {}
    parts: dict[int, list[tuple[int, bytes]]] = {}
    at = 0
    while at < len(said):
        if int.from_bytes(said[at : at + 4], "big") == n.SIMPLE_REPLY_MAGIC:
            _, error, cookie = SIMPLE.unpack_from(said, at)
            at += SIMPLE.size
            size = 0 if error else reads.get(cookie, 0)
            assert cookie not in found, cookie
            content = b"" if cookie in unsure else said[at : at + size]
            found[cookie] = error or zlib.crc32(content)
            at += size
            continue
        magic, flags, kind, cookie, size = CHUNK.unpack_from(said, at)
        assert magic == n.STRUCTURED_REPLY_MAGIC, said[at : at + 40]
        at += CHUNK.size
        body = said[at : at + size]
        at += size
        assert len(body) == size, "cut off"
        assert cookie not in found, cookie
        told = _told(kind, body)
        if isinstance(told, tuple):
            parts.setdefault(cookie, []).append(told)
        if flags & n.CHUNK_FLAG_DONE:
            pieces = parts.pop(cookie, [])
            checksum = _joined(pieces, reads[cookie]) if pieces else told
            found[cookie] = 0 if pieces and cookie in unsure else checksum
        else:
            assert isinstance(told, tuple), kind
    assert at == len(said)
    assert not parts, "an answer has no end"
    return found


def _told(kind: int, body: bytes) -> tuple[int, bytes] | int | None:
    """
    A part of what was read; an error; or nothing more.
    """
    if kind == n.CHUNK_OFFSET_DATA:
        return _OFFSET.unpack_from(body)[0], body[_OFFSET.size :]
    if kind == n.CHUNK_OFFSET_HOLE:
        offset, size = _HOLE.unpack(body)
        return offset, bytes(size)
    if kind == n.CHUNK_ERROR:
        error, size = _ERROR.unpack_from(body)
        assert size == len(body) - _ERROR.size
        assert error
        return int(error)
    if kind == n.CHUNK_BLOCK_STATUS:
        assert (len(body) - 4) % _EXTENT.size == 0
        assert all(size for size, _ in _EXTENT.iter_unpack(body[4:]))
        return 0
    assert kind == n.CHUNK_NONE, kind
    assert not body
    return None


def _joined(pieces: list[tuple[int, bytes]], size: int) -> int:
    """
    A sum of what was read; the parts are all of it, in order.
    """
    end, checksum = pieces[0][0], 0
    for offset, content in pieces:
        assert offset == end, (offset, end)
        end += len(content)
        checksum = zlib.crc32(content, checksum)
    assert end - pieces[0][0] == size, (end, size)
    return checksum

"""
Requests and replies of the transmission phase as bytes.  Standard library only.
"""

from __future__ import annotations

import struct

from archipelagod.nbd import numbers as n

REQUEST = struct.Struct(">IHHQQI")  # magic, flags, kind, cookie, offset, length
REQUEST_BYTES = REQUEST.size
SIMPLE = struct.Struct(">IIQ")  # magic, error, cookie
CHUNK = struct.Struct(">IHHQI")  # magic, flags, kind, cookie, length of the rest
DATA_CHUNK = struct.Struct(">IHHQIQ")  # the same with an offset
HOLE_CHUNK = struct.Struct(">IHHQIQI")  # the same with offset and size


def simple(cookie: int, error: int = 0) -> bytes:
    """
    A reply without data.
    """
    return SIMPLE.pack(n.SIMPLE_REPLY_MAGIC, error, cookie)


def data_chunk_header(cookie: int, offset: int, size: int) -> bytes:
    """
    What precedes ``size`` bytes of data, in a structured reply of one chunk.
    """
    return DATA_CHUNK.pack(
        n.STRUCTURED_REPLY_MAGIC,
        n.CHUNK_FLAG_DONE,
        n.CHUNK_OFFSET_DATA,
        cookie,
        size + 8,
        offset,
    )


def hole_chunk(cookie: int, offset: int, size: int) -> bytes:
    """
    A whole structured reply: the range is zeros.
    """
    return HOLE_CHUNK.pack(
        n.STRUCTURED_REPLY_MAGIC,
        n.CHUNK_FLAG_DONE,
        n.CHUNK_OFFSET_HOLE,
        cookie,
        12,
        offset,
        size,
    )


def error_chunk(cookie: int, error: int) -> bytes:
    """
    A whole structured reply: the request failed.
    """
    body = struct.pack(">IH", error, 0)
    head = (n.STRUCTURED_REPLY_MAGIC, n.CHUNK_FLAG_DONE, n.CHUNK_ERROR, cookie, len(body))
    return CHUNK.pack(*head) + body


def status_chunk(cookie: int, context: int, extents: list[tuple[int, int]]) -> bytes:
    """
    A whole structured reply: block status as (size, state) of neighbouring extents.
    """
    body = struct.pack(">I", context)
    body += b"".join(struct.pack(">II", size, state) for size, state in extents)
    head = (n.STRUCTURED_REPLY_MAGIC, n.CHUNK_FLAG_DONE, n.CHUNK_BLOCK_STATUS, cookie, len(body))
    return CHUNK.pack(*head) + body

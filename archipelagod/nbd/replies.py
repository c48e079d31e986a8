"""
Requests and replies of the transmission phase as bytes.  Standard library only.
"""

from __future__ import annotations

import struct

from archipelagod.nbd import numbers as n

MAX_TEXT = 1024
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


def data_chunk_header(cookie: int, offset: int, size: int, flags: int = n.CHUNK_FLAG_DONE) -> bytes:
    """
    What precedes ``size`` bytes of data; ``flags`` say whether that ends the structured reply.
    """
    return DATA_CHUNK.pack(
        n.STRUCTURED_REPLY_MAGIC,
        flags,
        n.CHUNK_OFFSET_DATA,
        cookie,
        size + 8,
        offset,
    )


def hole_chunk(cookie: int, offset: int, size: int, flags: int = n.CHUNK_FLAG_DONE) -> bytes:
    """
    The range is zeros; ``flags`` say whether that ends the structured reply.
    """
    return HOLE_CHUNK.pack(
        n.STRUCTURED_REPLY_MAGIC,
        flags,
        n.CHUNK_OFFSET_HOLE,
        cookie,
        12,
        offset,
        size,
    )


def none_chunk(cookie: int) -> bytes:
    """
    A whole structured reply: done, and there is nothing to tell.
    """
    return CHUNK.pack(n.STRUCTURED_REPLY_MAGIC, n.CHUNK_FLAG_DONE, n.CHUNK_NONE, cookie, 0)


def error_chunk(cookie: int, error: int, text: str = "") -> bytes:
    """
    The end of a structured reply: the request failed.  ``text`` is for people.
    """
    words = text.encode()[:MAX_TEXT]
    body = struct.pack(">IH", error, len(words)) + words
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

"""
What the daemon and a worker tell each other: one message per packet of a SEQPACKET socket.

To the worker: a handover (with the client's socket), or CLOSE.  From it: READY, FAILED, ENDED.
Standard library only.
"""

from __future__ import annotations

import struct

from archipelagod.datapath.handover import Handover

SERVE, CLOSE = 1, 2
READY, FAILED, ENDED = 11, 12, 13
MAX_MESSAGE = 192 << 10

_SERVE = struct.Struct("<BBBI")  # kind, structured, status, size of the farewell
_READY = struct.Struct("<BBQ")  # kind, read only, size of the volume
_ENDED = struct.Struct("<BII")  # kind, clients so far, clients now
_FAILED = struct.Struct("<BI")  # kind, status of the error, then its text


def pack_serve(handover: Handover) -> bytes:
    """
    A handover.
    """
    front = _SERVE.pack(SERVE, handover.is_structured, handover.has_status, len(handover.farewell))
    return front + handover.farewell + handover.leftover


def unpack_serve(message: bytes) -> Handover:
    """
    See ``pack_serve``.
    """
    _, is_structured, has_status, size = _SERVE.unpack_from(message)
    rest = message[_SERVE.size :]
    return Handover(bool(is_structured), bool(has_status), rest[:size], rest[size:])


def pack_ready(size_bytes: int, *, is_read_only: bool) -> bytes:
    """
    The volume is open.
    """
    return _READY.pack(READY, is_read_only, size_bytes)


def unpack_ready(message: bytes) -> tuple[int, bool]:
    """
    Size, and whether it is read-only.
    """
    _, is_read_only, size_bytes = _READY.unpack(message)
    return size_bytes, bool(is_read_only)


def pack_ended(served: int, now: int) -> bytes:
    """
    A client is gone.
    """
    return _ENDED.pack(ENDED, served, now)


def unpack_ended(message: bytes) -> tuple[int, int]:
    """
    Clients so far, clients now.
    """
    _, served, now = _ENDED.unpack(message)
    return served, now


def pack_failed(status: int, text: str) -> bytes:
    """
    The volume can't be opened, or could not be closed well.
    """
    return _FAILED.pack(FAILED, status) + text.encode()[:4096]


def unpack_failed(message: bytes) -> tuple[int, str]:
    """
    Status of the error, and its text.
    """
    _, status = _FAILED.unpack_from(message)
    return status, message[_FAILED.size :].decode("utf-8", "replace")

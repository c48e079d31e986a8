"""
What the daemon and a worker tell each other: one message per packet of a SEQPACKET socket.

A message is a JSON object and raw bytes behind it.  The daemon asks: ``do`` names what, ``id`` is
answered with, ``volume`` is the daemon's number for an opening.  A worker answers with ``id`` and
``result``, or ``status`` and ``error``; unasked it says ``gone`` with the number of a client, or
``size_bytes`` of a volume after a resize, whatever became of that.  Standard library only.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from archipelagod.datapath.handover import AnyHandover, BlockHandover, Handover

MAX_MESSAGE = 192 << 10  # what a socket's buffer takes for sure
_SIZE = struct.Struct("<I")
_PROTOCOLS: dict[str, type[Handover | BlockHandover]] = {
    "nbd": Handover,
    "block": BlockHandover,
}


def pack(head: dict[str, Any], tail: bytes = b"") -> bytes:
    """
    A message.
    """
    encoded = json.dumps(head, separators=(",", ":")).encode()
    return _SIZE.pack(len(encoded)) + encoded + tail


def unpack(message: bytes) -> tuple[dict[str, Any], bytes]:
    """
    See ``pack``.
    """
    (size,) = _SIZE.unpack_from(message)
    end = _SIZE.size + size
    head: dict[str, Any] = json.loads(message[_SIZE.size : end])
    return head, message[end:]


def split_handover(handover: AnyHandover) -> tuple[dict[str, Any], bytes]:
    """
    A handover as a part of a message's head, and its tail.
    """
    fields: dict[str, Any] = handover._asdict()
    farewell, leftover = fields.pop("farewell"), fields.pop("leftover")
    fields["farewell"] = len(farewell)
    fields["protocol"] = next(
        name for name, kind in _PROTOCOLS.items() if isinstance(handover, kind)
    )
    return fields, farewell + leftover


def join_handover(fields: dict[str, Any], tail: bytes) -> AnyHandover:
    """
    See ``split_handover``.
    """
    fields = dict(fields)
    kind = _PROTOCOLS[fields.pop("protocol")]
    size = fields.pop("farewell")
    return kind(**fields, farewell=tail[:size], leftover=tail[size:])

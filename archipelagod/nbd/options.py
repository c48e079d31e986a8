"""
Data of NBD options, and what is told of an export, as bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from archipelagod.nbd import numbers as n

PREFERRED_BLOCK = 4096


@dataclass(frozen=True)
class Export:
    """
    What a client may use.
    """

    name: str
    size_bytes: int
    is_read_only: bool


def transmission_flags(export: Export) -> int:
    """
    What the export can do, as 16 bits.
    """
    flags = (
        n.TRANSMISSION_HAS_FLAGS
        | n.TRANSMISSION_SEND_FLUSH
        | n.TRANSMISSION_SEND_FUA
        | n.TRANSMISSION_SEND_DF
        | n.TRANSMISSION_CAN_MULTI_CONN
        | n.TRANSMISSION_SEND_CACHE
    )
    if export.is_read_only:
        return flags | n.TRANSMISSION_READ_ONLY
    return flags | n.TRANSMISSION_SEND_TRIM | n.TRANSMISSION_SEND_WRITE_ZEROES


def parse_info(data: bytes) -> tuple[str, set[int]] | None:
    """
    Export name and wanted information of OPT_INFO and OPT_GO; None when malformed.
    """
    if len(data) < 6:
        return None
    (size,) = struct.unpack_from(">I", data)
    if size > n.MAX_NAME or len(data) < 6 + size:
        return None
    name = data[4 : 4 + size].decode("utf-8", "replace")
    (count,) = struct.unpack_from(">H", data, 4 + size)
    rest = data[6 + size :]
    if len(rest) != 2 * count:
        return None
    return name, set(struct.unpack(f">{count}H", rest))


def information(export: Export, wanted: set[int]) -> list[bytes]:
    found = [struct.pack(">HQH", n.INFO_EXPORT, export.size_bytes, transmission_flags(export))]
    if n.INFO_NAME in wanted:
        found.append(struct.pack(">H", n.INFO_NAME) + export.name.encode())
    if n.INFO_BLOCK_SIZE in wanted:
        sizes = (n.INFO_BLOCK_SIZE, 1, PREFERRED_BLOCK, n.MAX_PAYLOAD)
        found.append(struct.pack(">HIII", *sizes))
    return found


def parse_contexts(data: bytes) -> tuple[str, list[str]] | None:
    """
    Export name and queries of the two META_CONTEXT options; None when malformed.
    """
    parts: list[str] = []
    at = 0
    count = 1  # the name, then as many queries as its count says
    while len(parts) < count:
        if len(data) < at + 4:
            return None
        (size,) = struct.unpack_from(">I", data, at)
        at += 4
        if size > n.MAX_NAME or len(data) < at + size:
            return None
        parts.append(data[at : at + size].decode("utf-8", "replace"))
        at += size
        if len(parts) == 1:
            if len(data) < at + 4:
                return None
            count += struct.unpack_from(">I", data, at)[0]
            at += 4
    return (parts[0], parts[1:]) if at == len(data) else None

"""
Data of NBD options, and what is told of an export, as bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
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


@dataclass(frozen=True)
class Listed:
    """
    An export as a list tells of it.
    """

    name: str
    is_read_only: bool


def description(export: Export | Listed) -> str:
    """
    What people are shown of an export.
    """
    return "read-only volume" if export.is_read_only else "volume"


def transmission_flags(export: Export, *, is_structured: bool) -> int:
    """
    What the export can do, as 16 bits.

    is_structured: without structured replies nothing may be said of unfragmented ones.
    """
    flags = (
        n.TRANSMISSION_HAS_FLAGS
        | n.TRANSMISSION_SEND_FLUSH
        | n.TRANSMISSION_SEND_FUA
        | n.TRANSMISSION_CAN_MULTI_CONN
        | n.TRANSMISSION_SEND_CACHE
    )
    if is_structured:
        flags |= n.TRANSMISSION_SEND_DF
    if export.is_read_only:
        return flags | n.TRANSMISSION_READ_ONLY
    return (
        flags
        | n.TRANSMISSION_SEND_TRIM
        | n.TRANSMISSION_SEND_WRITE_ZEROES
        | n.TRANSMISSION_SEND_FAST_ZERO
    )


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


def information(export: Export, wanted: set[int], *, is_structured: bool) -> list[bytes]:
    """
    Data of the replies that tell ``wanted`` of an export, and its size and flags in any case.
    """
    flags = transmission_flags(export, is_structured=is_structured)
    found = [struct.pack(">HQH", n.INFO_EXPORT, export.size_bytes, flags)]
    if n.INFO_NAME in wanted:
        found.append(struct.pack(">H", n.INFO_NAME) + export.name.encode())
    if n.INFO_DESCRIPTION in wanted:
        found.append(struct.pack(">H", n.INFO_DESCRIPTION) + description(export).encode())
    if n.INFO_BLOCK_SIZE in wanted:
        sizes = (n.INFO_BLOCK_SIZE, 1, PREFERRED_BLOCK, n.MAX_PAYLOAD)
        found.append(struct.pack(">HIII", *sizes))
    return found


def listing(export: Listed) -> bytes:
    """
    Data of the reply that tells of an export in a list.
    """
    name = export.name.encode()
    return struct.pack(">I", len(name)) + name + description(export).encode()


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


def chosen_contexts(queries: Sequence[str], *, is_listing: bool) -> list[tuple[int, str]]:
    """
    The contexts that ``queries`` mean, with their numbers.  Wildcards are for lists only.
    """
    is_wanted = n.BASE_ALLOCATION in queries
    if is_listing:
        is_wanted = is_wanted or not queries or "base:" in queries
    number = 0 if is_listing else n.CONTEXT_ID
    return [(number, n.BASE_ALLOCATION)] if is_wanted else []

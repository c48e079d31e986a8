"""
Parsers of what was stored.
"""

from __future__ import annotations

import struct
import zlib

from archipelagod.volume import journal, map_format
from archipelagod.volume.map_format import DamagedMap
from tests.fuzz.wire_targets import attempt

_RECORD = struct.Struct("<HHIQQI")


def map_record(data: bytes) -> None:
    """
    A map, as it is or with its checksums made right, is read or DamagedMap.
    """
    for record in (data, repaired_map(data)):
        found = attempt(map_format.decode, DamagedMap, record)
        attempt(map_format.decode_header, DamagedMap, record)
        if isinstance(found, map_format.Record):
            attempt(map_format.with_header, DamagedMap, found.header, record)


def repaired_map(data: bytes) -> bytes:
    """
    The same with the magic, the object's size and the checksums of a map.
    """
    if len(data) < map_format.HEADER_BYTES:
        return data
    record = bytearray(data)
    record[:8] = map_format.MAGIC
    struct.pack_into("<H", record, 10, map_format.OBJECT_SHIFT)
    tail = zlib.crc32(record[map_format.HEADER_BYTES :])
    struct.pack_into("<I", record, map_format.HEADER_BYTES - 8, tail)
    front = zlib.crc32(record[: map_format.HEADER_BYTES - 4])
    struct.pack_into("<I", record, map_format.HEADER_BYTES - 4, front)
    return bytes(record)


def journal_records(data: bytes) -> None:
    """
    A journal, as it is or with its checksums made right, is replayed or None.
    """
    for log in (data, repaired_journal(data)):
        found = journal.replay(log, 7)
        if found is not None:
            assert found.valid <= len(found.changes)
            assert sum(len(each.content) for each in found.data) <= len(log)


def repaired_journal(data: bytes) -> bytes:
    """
    The same with the checksums of a journal.
    """
    log = bytearray(data)
    at = 0
    while at + journal.RECORD_BYTES <= len(log):
        kind, spare, index, slot, parent, tag = _RECORD.unpack_from(log, at)
        size = 0
        if kind == journal.DATA:
            size = (parent >> 32) % 4096
            begin = at + journal.RECORD_BYTES
            parent = size << 32 | zlib.crc32(log[begin : begin + size])
        front = _RECORD.pack(kind, spare, index, slot, parent, tag)
        log[at : at + journal.RECORD_BYTES] = front + struct.pack("<I", zlib.crc32(front))
        at += journal.RECORD_BYTES + size
    return bytes(log)

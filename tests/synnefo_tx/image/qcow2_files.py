"""
Heads of qcow2 files, written by hand.
"""

from __future__ import annotations

import struct


def qcow2_head(
    *,
    version: int = 3,
    backing_offset: int = 0,
    backing_size: int = 0,
    cluster_bits: int = 16,
    virtual_size: int = 1024 * 1024,
    encryption: int = 0,
    incompatible: int = 0,
) -> bytes:
    """
    112 bytes.
    """
    head = struct.pack(
        ">4sIQIIQIIQQIIQ",
        b"QFI\xfb",
        version,
        backing_offset,
        backing_size,
        cluster_bits,
        virtual_size,
        encryption,
        1,
        3 << 16,
        1 << 16,
        1,
        0,
        0,
    )
    return head + struct.pack(">QQQII", incompatible, 0, 0, 4, 112) + bytes(8)

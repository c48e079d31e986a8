"""
Run by a Python that has libnbd's module: ``illegal.py URI``.  Sends what clients must not send,
each on a connection of its own, and prints what came of it as a JSON object.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from typing import Any

import nbd

MIB = 1 << 20
END = 16 * MIB
NO_CHECKS = 0
FUA, NO_HOLE, DF, REQ_ONE, FAST = 1, 2, 4, 8, 16
HUGE = 2**62


def extents(handle: Any, size: int, offset: int, flags: int = 0) -> str:
    """Block status, summed up."""
    found: list[int] = []
    handle.block_status(size, offset, lambda *told: found.extend(told[2]), flags=flags)
    return f"{len(found) // 2} extents"


CASES: dict[str, Callable[[Any], object]] = {
    "read beyond the end": lambda h: h.pread(2, END - 1),
    "read far beyond the end": lambda h: h.pread(1, HUGE),
    "read of nothing": lambda h: h.pread(0, 0),
    "read of nothing at the end": lambda h: h.pread(0, END),
    "read of nothing beyond the end": lambda h: h.pread(0, END + 1),
    "read of 33 MiB": lambda h: h.pread(33 * MIB, 0),
    "read with NO_HOLE": lambda h: h.pread(1, 0, NO_HOLE),
    "read with an unknown flag": lambda h: h.pread(1, 0, 1 << 12),
    "unaligned read": lambda h: h.pread(3, 513) and None,
    "write beyond the end": lambda h: h.pwrite(b"xx", END - 1),
    "write far beyond the end": lambda h: h.pwrite(b"x", HUGE),
    "write of nothing": lambda h: h.pwrite(b"", 0),
    "write of nothing at the end": lambda h: h.pwrite(b"", END),
    "write with DF": lambda h: h.pwrite(b"x", 0, DF),
    "write with an unknown flag": lambda h: h.pwrite(b"x", 0, 1 << 12),
    "unaligned write": lambda h: h.pwrite(b"abc", 513),
    "write with FUA": lambda h: h.pwrite(b"x" * 512, 512, FUA),
    "trim beyond the end": lambda h: h.trim(512, END),
    "trim of nothing": lambda h: h.trim(0, 0),
    "trim with NO_HOLE": lambda h: h.trim(512, 0, NO_HOLE),
    "unaligned trim": lambda h: h.trim(3, 1),
    "zeroes beyond the end": lambda h: h.zero(2, END - 1),
    "zeroes of nothing": lambda h: h.zero(0, 0),
    "zeroes with DF": lambda h: h.zero(512, 0, DF),
    "zeroes with REQ_ONE": lambda h: h.zero(512, 0, REQ_ONE),
    "unaligned zeroes": lambda h: h.zero(3, 1),
    "fast zeroes": lambda h: h.zero(MIB, MIB, FAST),
    "unaligned fast zeroes": lambda h: h.zero(3, 1, FAST),
    "fast zeroes without a hole": lambda h: h.zero(MIB, MIB, FAST | NO_HOLE),
    "cache beyond the end": lambda h: h.cache(512, END),
    "cache of nothing": lambda h: h.cache(0, 0),
    "cache with FUA": lambda h: h.cache(512, 0, FUA),
    "cache with DF": lambda h: h.cache(512, 0, DF),
    "flush": lambda h: h.flush(),
    "flush with FUA": lambda h: h.flush(FUA),
    "flush with DF": lambda h: h.flush(DF),
    "status beyond the end": lambda h: extents(h, 512, END),
    "status of nothing": lambda h: extents(h, 0, 0),
    "status with DF": lambda h: extents(h, 512, 0, DF),
    "status of everything": lambda h: extents(h, END, 0),
    "status of everything, one extent": lambda h: extents(h, END, 0, REQ_ONE),
}


def connected(uri: str) -> Any:
    """A handle that lets everything through."""
    handle = nbd.NBD()
    handle.add_meta_context("base:allocation")
    handle.set_strict_mode(NO_CHECKS)
    handle.connect_uri(uri)
    return handle


def outcome(uri: str, case: Callable[[Any], object]) -> str:
    """What came of a case: "ok", what it returned, the error's name; and whether one can go on."""
    handle = connected(uri)
    try:
        found = case(handle)
        told = found if isinstance(found, str) else "ok"
    except nbd.Error as error:
        told = errno.errorcode.get(error.errnum, str(error))
    try:
        handle.pread(512, 0)
        handle.shutdown()
    except nbd.Error:
        told += ", then disconnected"
    return told


if __name__ == "__main__":
    json.dump({name: outcome(sys.argv[1], case) for name, case in CASES.items()}, sys.stdout)

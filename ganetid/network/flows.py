"""
Connections that the kernel follows: forgotten by their mark.

Rules alone can't end a flow that is translated already.
Source: linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Iterable

NETLINK_NETFILTER = 12
DELETE = 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
REQUEST_ACK = 1 | 4
MARK, MARK_MASK = 8, 21
NOTHING_THERE = 2
HEADER = struct.Struct("=IHHII")


def flow_mark(address: str, other: str) -> int:
    """The mark of connections that are translated from one of two addresses to the other."""
    return zlib.crc32(" ".join(sorted((address, other))).encode("ascii")) or 1


def forget_flows(marks: Iterable[int]) -> None:
    """
    The kernel follows connections of these marks no more.  Call it within their network namespace.

    Raises OSError.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as opened:
        opened.settimeout(5)
        for mark in marks:
            opened.send(_deletion(mark))
            (error,) = struct.unpack_from("=i", opened.recv(4096), HEADER.size)
            if error not in {0, -NOTHING_THERE}:
                raise OSError(-error, os.strerror(-error))


def _deletion(mark: int) -> bytes:
    body = struct.pack("!BBH", socket.AF_UNSPEC, 0, 0)
    for kind, value in ((MARK, mark), (MARK_MASK, 0xFFFFFFFF)):
        body += struct.pack("=HH", 8, kind) + struct.pack("!I", value)
    return HEADER.pack(HEADER.size + len(body), DELETE, REQUEST_ACK, 1, 0) + body

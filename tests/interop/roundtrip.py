"""
Run by a Python that has libnbd's module: ``roundtrip.py URI CERTIFICATES REPLIES ACCESS``.  Uses an
export in every way that it offers, and fails if something is not as it should be.

CERTIFICATES: a directory, or "" for no TLS.  REPLIES: "structured" or "simple".  ACCESS: "rw" or
"ro".
"""

from __future__ import annotations

import sys

import nbd

MIB = 1 << 20


def main(uri: str, certificates: str, replies: str, access: str) -> None:
    """See the module."""
    handle = nbd.NBD()
    handle.set_request_structured_replies(replies == "structured")
    handle.add_meta_context("base:allocation")
    if certificates:
        handle.set_tls(nbd.TLS_REQUIRE)
        handle.set_tls_certificates(certificates)
    handle.connect_uri(uri)
    assert bool(certificates) == handle.get_tls_negotiated()
    assert handle.get_structured_replies_negotiated() == (replies == "structured")
    assert handle.can_df() == (replies == "structured")
    assert handle.can_meta_context("base:allocation") == (replies == "structured")
    assert handle.is_read_only() == (access == "ro")
    if access == "rw":
        change(handle)
    read(handle, access)
    handle.shutdown()


def change(handle: nbd.NBD) -> None:
    """Writes of every kind."""
    handle.pwrite(b"\1" * (6 * MIB), MIB)
    handle.pwrite(b"\2" * 1000, 2 * MIB + 1, nbd.CMD_FLAG_FUA)
    handle.zero(MIB, 3 * MIB)
    handle.zero(4096, 4 * MIB, nbd.CMD_FLAG_NO_HOLE)
    handle.zero(4096, 5 * MIB, nbd.CMD_FLAG_FAST_ZERO)
    handle.trim(MIB, 8 * MIB, nbd.CMD_FLAG_FUA)
    handle.flush()


def read(handle: nbd.NBD, access: str) -> None:
    """What ``change`` wrote, or zeros."""
    size = handle.get_size()
    expected = bytearray(size)
    if access == "rw":
        expected[MIB : 7 * MIB] = b"\1" * (6 * MIB)
        expected[2 * MIB + 1 : 2 * MIB + 1001] = b"\2" * 1000
        expected[3 * MIB : 4 * MIB] = bytes(MIB)
        for offset in (4 * MIB, 5 * MIB):
            expected[offset : offset + 4096] = bytes(4096)
    handle.cache(MIB, MIB)
    assert handle.pread(size, 0) == expected
    assert handle.pread(5, 2 * MIB) == expected[2 * MIB : 2 * MIB + 5]
    if handle.get_structured_replies_negotiated():
        chunks: list[int] = []
        found = handle.pread_structured(
            size, 0, lambda *told: chunks.append(told[1]), nbd.CMD_FLAG_DF
        )
        assert found == expected
        assert chunks == [0], chunks
        covered: list[int] = []
        handle.block_status(size, 0, lambda *told: covered.extend(told[2][::2]))
        assert sum(covered) == size, covered


if __name__ == "__main__":
    main(*sys.argv[1:])

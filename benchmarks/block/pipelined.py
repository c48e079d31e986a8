"""
``python -m benchmarks.block.pipelined``: a load over one connection, in NBD or the block protocol.

Both are loaded by the same loop, so what differs is the server and the protocol.  Arguments: the
dialect (nbd, wire), the socket, the secret's file, the export, kind, bytes, depth, flush_every,
seconds, seed.  Says "ready", waits for a line, works, and prints requests, bytes and seconds.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from archipelagod.client.link import BlockingLink
from archipelagod.wire import framing, requests
from archipelagod.wire import operations as op
from benchmarks.block.fio import Load
from benchmarks.block.nbd import Attached

POOL_BYTES = 32 << 20
POOL = 1 << 16  # requests made beforehand
OWNER = 77
_NBD_REQUEST = struct.Struct(">IHHQQI")
_NBD_MAGIC = 0x25609513
_NBD_REPLY = b"\x67\x44\x66\x98\0\0\0\0"
_NBD_READ, _NBD_WRITE, _NBD_FLUSH = 0, 1, 3
_WIRE_STATUS = slice(8, 10)


class Dialect(NamedTuple):
    """
    read, write: a request by serial and offset.  reply_bytes: before the data.  is_good: whether
    a reply begins there that tells of success.
    """

    read: Callable[[int, int, int], bytes]
    write: Callable[[int, int, bytes], bytes]
    flush: Callable[[int], bytes]
    reply_bytes: int
    is_good: Callable[[memoryview], bool]


NBD = Dialect(
    read=lambda serial, offset, size: _NBD_REQUEST.pack(
        _NBD_MAGIC, 0, _NBD_READ, serial, offset, size
    ),
    write=lambda serial, offset, data: (
        _NBD_REQUEST.pack(_NBD_MAGIC, 0, _NBD_WRITE, serial, offset, len(data)) + data
    ),
    flush=lambda serial: _NBD_REQUEST.pack(_NBD_MAGIC, 0, _NBD_FLUSH, serial, 0, 0),
    reply_bytes=16,
    is_good=lambda reply: reply[:8] == _NBD_REPLY,
)
WIRE = Dialect(
    read=lambda serial, offset, size: framing.pack(
        framing.REQUEST, op.READ, serial, offset=offset, size=size
    ),
    write=lambda serial, offset, data: (
        framing.pack(framing.REQUEST, op.WRITE, serial, offset=offset, data_bytes=len(data)) + data
    ),
    flush=lambda serial: framing.pack(framing.REQUEST, op.FLUSH, serial),
    reply_bytes=framing.HEADER_BYTES,
    is_good=lambda reply: (
        reply[:4] == framing.MAGIC
        and reply[5] == framing.REPLY
        and bytes(reply[_WIRE_STATUS]) == b"\0\0"
    ),
)


def request_pool(dialect: Dialect, load: Load, size_bytes: int, seed: int) -> list[bytes]:
    """
    Requests to be sent one after the other, over and over.
    """
    each, places = load.block_bytes, random.Random(seed)
    count = size_bytes // each
    is_write = "write" in load.kind
    data = places.randbytes(each)
    pool: list[bytes] = []
    for number in range(min(POOL, POOL_BYTES // each if is_write else POOL)):
        block = places.randrange(count) if load.kind.startswith("rand") else number % count
        serial, offset = len(pool) + 1, block * each
        if is_write:
            pool.append(dialect.write(serial, offset, data))
        else:
            pool.append(dialect.read(serial, offset, each))
        if load.flush_every and number % load.flush_every == load.flush_every - 1:
            pool.append(dialect.flush(len(pool) + 1))
    return pool


def work(
    sock: socket.socket, dialect: Dialect, load: Load, pool: list[bytes], seconds: float
) -> tuple[int, float]:
    """
    How many requests were answered, and in how many seconds.  Raises OSError.
    """
    each = dialect.reply_bytes + (load.block_bytes if "read" in load.kind else 0)
    room = memoryview(bytearray(each * max(load.depth, 4)))
    have = done = sent = 0
    begun = time.perf_counter()
    end = begun + seconds
    wanted = load.depth
    while time.perf_counter() < end:
        if wanted:
            begin = sent % len(pool)
            batch = pool[begin : begin + wanted]
            sock.sendall(batch[0] if len(batch) == 1 else b"".join(batch))
            sent += len(batch)
            wanted -= len(batch)
            if wanted:
                continue
        size = sock.recv_into(room[have:])
        if not size:
            raise OSError("the server hung up")
        have += size
        wanted = have // each
        if wanted:
            if not dialect.is_good(room):
                raise OSError("the server refused a request")
            rest = have - wanted * each
            room[:rest] = room[wanted * each : have]
            have, done = rest, done + wanted
    return done, time.perf_counter() - begun


def main(arguments: list[str]) -> None:
    kind, path, secret_file, export, load_kind, *numbers = arguments
    block_bytes, depth, flush_every, size_bytes = map(int, numbers[:4])
    seconds, seed = float(numbers[4]), int(numbers[5])
    load = Load(load_kind, block_bytes, depth, flush_every=flush_every)
    dialect = WIRE if kind == "wire" else NBD
    if kind == "wire":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        secret = Path(secret_file).read_text().strip().encode()
        BlockingLink(sock, secret, 30.0).ask(requests.opening(export, OWNER))
        sock.settimeout(None)
    else:
        sock = Attached(Path(path), export).socket
    pool = request_pool(dialect, load, size_bytes, seed)
    print("ready", flush=True)
    sys.stdin.readline()
    done, took = work(sock, dialect, load, pool, seconds)
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(1 << 20):
        pass  # nbdkit does not survive clients that go without their answers
    flushes = done // (load.flush_every + 1) if load.flush_every else 0
    print(done - flushes, (done - flushes) * block_bytes, took, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

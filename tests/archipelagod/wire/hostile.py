"""
Peers that mean harm, on plain sockets; for threads.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
from collections.abc import Callable, Iterator, Sequence

import psutil

from archipelagod.client.link import BlockingLink
from archipelagod.nbd import numbers as n
from archipelagod.wire import handshake, requests
from archipelagod.wire import operations as op
from archipelagod.wire.frames import FrameDecoder
from archipelagod.wire.framing import PROGRESS, REQUEST, pack
from tests.fuzz.cursor import NAMES, Cursor

BATCH = 50  # frames on a connection before one that breaks the grammar
MIB = 1 << 20


def connected(path: str) -> socket.socket:
    """A connection."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(path)
    return sock


def said(sock: socket.socket, data: bytes) -> None:
    """
    Says something and hears all that is answered, until the other side hangs up.  Raises
    TimeoutError when it does not.
    """
    with contextlib.suppress(ConnectionError):
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            pass


def strange_frame(chance: random.Random) -> bytes:
    """What a stranger may say."""
    choice = chance.randrange(5)
    if choice == 0:
        return chance.randbytes(chance.randrange(1, 200))
    if choice == 1:
        return Cursor(chance.randbytes(300)).request()
    if choice == 2:
        data = chance.randbytes(chance.choice((0, 3, 47, 48, 256)))
        return pack(REQUEST, op.HELLO, 1, data_bytes=len(data)) + data
    if choice == 3:
        data = handshake.hello(chance.randbytes(32))
        greeting = pack(REQUEST, op.HELLO, 1, data_bytes=len(data)) + data
        return greeting + Cursor(chance.randbytes(300)).request()
    return pack(REQUEST, op.HELLO, 1, data_bytes=256)[: chance.randrange(1, 48)]


def strangers(path: str, count: int, chance: random.Random) -> int:
    """One frame each."""
    for _ in range(count):
        with connected(path) as sock:
            said(sock, strange_frame(chance))
    return count


def broken(frame: bytes, chance: random.Random) -> bytes:
    """A frame with a byte of its header changed."""
    at = chance.randrange(48)
    return frame[:at] + bytes((frame[at] ^ chance.randrange(1, 256),)) + frame[at + 1 :]


def answered(sock: socket.socket, count: int) -> None:
    """Hears so many answers, or less if the other side hangs up."""
    decoder = FrameDecoder()
    while count > 0:
        data = sock.recv(1 << 20)
        if not data:
            return
        count -= sum(1 for frame in decoder.feed(data) if frame.kind != PROGRESS)


def nonsense(sock: socket.socket, chance: random.Random, names: Sequence[bytes] = NAMES) -> None:
    """Requests that are whole, and once they are answered one that is not."""
    frames = [Cursor(chance.randbytes(400)).request(names=names) for _ in range(BATCH)]
    with contextlib.suppress(ConnectionError):
        sock.sendall(b"".join(frames))
        answered(sock, BATCH)
        said(sock, broken(frames[0], chance))


def known(path: str, secret: bytes, count: int, chance: random.Random) -> int:
    """Control connections of clients that know the secret."""
    for _ in range(0, count, BATCH):
        with connected(path) as sock:
            BlockingLink(sock, secret, 20.0)
            nonsense(sock, chance)
    return count


def opened(path: str, secret: bytes, volume: str, count: int, chance: random.Random) -> int:
    """Data connections."""
    for _ in range(0, count, BATCH):
        with connected(path) as sock:
            BlockingLink(sock, secret, 20.0).ask(requests.opening(volume, 7))
            nonsense(sock, chance, (b"",))
    return count


def nbd_options(path: str, count: int, chance: random.Random) -> int:
    """NBD clients in negotiation."""
    for _ in range(0, count, BATCH):
        with connected(path) as sock:
            options = [struct.pack(">I", chance.choice((1, 3, 3, 3, chance.getrandbits(32))))]
            for _ in range(BATCH):
                data = chance.randbytes(chance.choice((0, 4, 6, 40, 5000)))
                front = (n.OPTION_MAGIC, chance.randrange(12), len(data))
                options.append(struct.pack(">QII", *front) + data)
            said(sock, b"".join(options) + chance.randbytes(100))
    return count


def nbd_opened(path: str, volume: str) -> socket.socket:
    """An NBD client that may send requests."""
    sock = connected(path)
    name = volume.encode()
    data = struct.pack(">I", len(name)) + name + b"\0\0"
    sock.sendall(struct.pack(">IQII", 3, n.OPTION_MAGIC, n.OPT_GO, len(data)) + data)
    heard = b""
    while struct.pack(">II", n.OPT_GO, n.REP_ACK) not in heard:
        more = sock.recv(4096)
        if not more:
            raise ConnectionError(f"refused: {heard!r}")
        heard += more
    return sock


def nbd_requests(path: str, volume: str, count: int, chance: random.Random) -> int:
    """NBD clients that send requests."""
    for _ in range(0, count, BATCH):
        with nbd_opened(path, volume) as sock:
            sent = [
                struct.pack(
                    ">IHHQQI",
                    n.REQUEST_MAGIC,
                    chance.getrandbits(chance.choice((0, 3, 16))),
                    chance.choice((0, 2, 3, 4, 5, 6, 7, 8, 99)) if number else 0,
                    number,
                    chance.choice((0, 4096, chance.getrandbits(64))),
                    chance.choice((0, 512, MIB, chance.getrandbits(32))),
                )
                for number in range(BATCH)
            ]
            said(sock, b"".join(sent) + chance.randbytes(28))
    return count


@contextlib.contextmanager
def not_reading(made: Callable[[], socket.socket], asked: bytes, count: int) -> Iterator[None]:
    """
    Clients that ask for much and read nothing.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            sock = stack.enter_context(made())
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.send(asked)
        yield


def resident_mib(pid: int) -> float:
    """Memory of a process and its children."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family) / MIB


def descriptors(pid: int) -> int:
    """Open files of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))

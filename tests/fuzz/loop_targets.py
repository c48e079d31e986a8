"""
The loop in C by itself, over a disk of plain files, against a model of what the disk holds.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from functools import cache

from archipelagod.datapath.fast import IS_BUILT
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST
from archipelagod.wire import framing
from archipelagod.wire import operations as op
from tests.archipelagod.datapath.disk import BLOCK, OBJECT, Disk
from tests.archipelagod.datapath.loop_client import Block, Nbd, Protocolled
from tests.fuzz.cursor import Cursor
from tests.fuzz.messages import counted

if IS_BUILT:
    from archipelagod.datapath import _fast

_KINDS = ["own", "hole", "partial", "slow", "orphan"]
_SIZE = len(_KINDS) * OBJECT - 12345
_INPUTS = 1000  # of one disk
_ENOUGH = 200_000  # bytes of replies: nobody reads them before the end
_FILE_BYTES = 32 << 10  # reads of that size are sent from the page cache
_PATIENCE = struct.pack("@ll", 5, 0)
_KIND, _LARGE = 0x3F, 0x40


class _QuickDisk(Disk):
    """
    A disk that does not handle whole objects to read or write a few bytes of them.
    """

    def read(self, offset: int, size: int) -> bytes:
        """See Disk."""
        found = bytearray()
        while len(found) < size:
            index, inner = divmod(offset + len(found), OBJECT)
            part = min(size - len(found), OBJECT - inner)
            found += self._read_part(index, inner, part)
        return bytes(found)

    def _read_part(self, index: int, inner: int, size: int) -> bytes:
        own, other = self.files[index]
        if self.kinds[index] not in ("partial", "orphan"):
            return os.pread(own, size, inner).ljust(size, b"\0")
        found = bytearray()
        while len(found) < size:
            at = inner + len(found)
            part = min(size - len(found), BLOCK - at % BLOCK)
            source = own if self.bitmaps[index] >> at // BLOCK & 1 else other
            found += (b"" if source is None else os.pread(source, part, at)).ljust(part, b"\0")
        return bytes(found)

    def write(self, offset: int, data: bytes) -> None:
        """See Disk."""
        index, inner = divmod(offset, OBJECT)
        part = min(len(data), OBJECT - inner)
        self._write_part(index, inner, data[:part])
        if part < len(data):
            self.write(offset + part, data[part:])

    def _write_part(self, index: int, inner: int, data: bytes) -> None:
        kind, own = self.kinds[index], self.files[index][0]
        if kind in ("partial", "orphan"):
            first, last = inner // BLOCK, (inner + len(data) - 1) // BLOCK
            whole = bytearray(self._read_part(index, first * BLOCK, (last + 1 - first) * BLOCK))
            start = inner - first * BLOCK
            whole[start : start + len(data)] = data
            os.pwrite(own, whole, first * BLOCK)
            self.bitmaps[index] |= sum(1 << block for block in range(first, last + 1))
            self.table.fill(index, first, last + 1 - first)
            return
        os.pwrite(own, data, inner)
        if kind == "hole":
            self.kinds[index] = "own"
            self.table.forget(index)


class _Held:
    """
    A disk, and what is to be read from it.  After many inputs it is made anew: holes fill up.
    """

    def __init__(self) -> None:
        self._used = 0

    def get(self) -> tuple[Disk, bytearray]:
        """For one input."""
        if self._used % _INPUTS == 0:
            self._disk = _QuickDisk(_KINDS, _SIZE)
            self._model = self._disk.content
        self._used += 1
        return self._disk, self._model


_held = _Held()


@cache
def _nothing() -> Disk:
    return Disk(["hole"], OBJECT)


class _Talk:
    """
    What one client sends, and what it is to be told: data of reads by cookie.
    """

    def __init__(self, protocol: Protocolled, model: bytearray) -> None:
        self.sent = bytearray()
        self.expected: dict[int, bytes] = {}
        self.odd: list[bytes] = []  # heads of what the loop must leave to others
        self.unsure: set[int] = set()  # reads that are sent from a file, which was written after it
        self._large: dict[int, range] = {}
        self._left = _ENOUGH
        self._protocol = protocol
        self._model = model

    def add(self, cursor: Cursor) -> None:
        """One more request."""
        choice, cookie = cursor.number(), len(self.expected) + len(self.odd) + 1
        offset = cursor.number() % len(_KINDS) * OBJECT + cursor.number(3) % OBJECT
        size = cursor.number(2) << (2 if choice & _LARGE else 0)
        size = min(size, self._left, max(_SIZE - offset, 0))
        if not size or choice & _KIND < 2:
            self._add_odd(cookie, choice)
            return
        self._left -= size
        if choice & 1:
            self.sent += self._protocol.read(cookie, offset, size)
            self.expected[cookie] = bytes(self._model[offset : offset + size])
            if size >= _FILE_BYTES:
                self._large[cookie] = range(offset, offset + size)
        else:
            data = (cursor.bytes(8).ljust(8, b"\1") * (size // 8 + 1))[:size]
            self.sent += self._protocol.write(cookie, offset, data)
            self.expected[cookie] = b""
            self._model[offset : offset + size] = data
            self.unsure |= {
                each
                for each, read in self._large.items()
                if offset < read.stop and read.start < offset + size
            }

    def _add_odd(self, cookie: int, choice: int) -> None:
        if isinstance(self._protocol, Block):
            head = framing.pack(framing.REQUEST, op.FLUSH, cookie, choice)
        else:
            head = REQUEST.pack(n.REQUEST_MAGIC, choice, n.CMD_FLUSH, cookie, 0, 0)
        self.odd.append(head)
        self.sent += head


def _serve(disk: Disk, protocol: Protocolled, sent: bytes, cut: int) -> tuple[bytes, list[bytes]]:
    """
    What the loop answers, and what it leaves to others.  The first ``cut`` bytes were received by
    someone else.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for sock in (ours, theirs):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * _ENOUGH)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _PATIENCE)
        theirs.sendall(sent[cut:])
        theirs.shutdown(socket.SHUT_WR)
        lock = _fast.SendLock()
        loop = _fast.Loop(ours.fileno(), disk.table, lock, protocol.codec, sent[:cut])
        odd = _performed(loop, disk, protocol, ours)
        ours.shutdown(socket.SHUT_WR)
        said = bytearray()
        while part := theirs.recv(1 << 20):
            said += part
        return bytes(said), odd


def _performed(
    loop: _fast.Loop, disk: Disk, protocol: Protocolled, sock: socket.socket
) -> list[bytes]:
    odd = []
    while (found := loop.run()) is not None:
        if isinstance(found, int):
            disk.resolve(found)
            continue
        assert isinstance(found, tuple), found
        assert found, "nobody posted anything"
        answer = _answer(disk, protocol, *found)
        if answer is None:
            odd.append(found[0])
        else:
            sock.sendall(answer)
    return odd


def _answer(
    disk: Disk, protocol: Protocolled, head: bytes, payload: bytes, written: int
) -> bytes | None:
    with contextlib.suppress(framing.BadFrame):
        is_write, cookie, offset, size = protocol.request(head)
        if size and offset + size <= _SIZE and is_write and len(payload) == size - written:
            disk.write(offset + written, payload)
            return protocol.answer(is_write, cookie, offset, b"")
        if size and offset + size <= _SIZE and size <= _ENOUGH and not payload:
            return protocol.answer(is_write, cookie, offset, disk.read(offset, size))
    return None


def loop_in_c(data: bytes) -> None:
    """
    A client of the loop in C reads what was written, and what is no plain request is left alone.
    """
    if not IS_BUILT:
        return
    cursor = Cursor(data)
    choice = cursor.number()
    protocol = Block() if choice & 2 else Nbd(is_structured=bool(choice & 4))
    if choice & 1:
        _serve(_nothing(), protocol, cursor.rest(), 0)
        return
    disk, model = _held.get()
    talk = _Talk(protocol, model)
    cut = cursor.number(2)
    while not cursor.is_at_end:
        talk.add(cursor)
    said, odd = _serve(disk, protocol, bytes(talk.sent), cut)
    assert odd == talk.odd, (odd, talk.odd)
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return said[at - size : at]

    sizes = {cookie: len(each) for cookie, each in talk.expected.items()}
    found = dict(protocol.reply(take, sizes) for _ in talk.expected)
    assert found.keys() == talk.expected.keys()
    for cookie, expected in talk.expected.items():
        assert found[cookie] == expected or cookie in talk.unsure, cookie
        assert len(found[cookie]) == len(expected), cookie
    assert at == len(said)
    counted(len(found) + len(odd))

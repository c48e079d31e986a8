"""
The loops that serve data connections and NBD clients, in Python and in C: both answer the same.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import socket
import struct
import tempfile
from functools import cache

from archipelagod.datapath.exchange import FILE_BYTES
from archipelagod.datapath.handover import AnyHandover, BlockHandover, Handover
from archipelagod.datapath.serving import VolumeServer
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST
from archipelagod.stores.store import open_file_store, open_memory_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.wire import operations as op
from archipelagod.wire.framing import parse
from tests.fuzz import memory
from tests.fuzz.cursor import Cursor
from tests.fuzz.messages import counted
from tests.fuzz.replies import answers_to_frames, answers_to_nbd

SIZE = 16 << 20
_SO_SNDBUFFORCE = 32
_ROOM = 64 << 20  # for replies, which nobody reads before the end
_AT_MOST = struct.pack("@ll", 0, 3000)  # 3 ms, where there is less room
_SURE = 100_000  # of replies are never too much
_OPERATIONS = (*sorted(op.OF_DATA_CONNECTIONS - {op.CLOSE}) * 6, op.READ, op.WRITE, op.CLOSE, op.GC)
_COMMANDS = (*range(9), *(n.CMD_READ, n.CMD_WRITE, *range(n.CMD_FLUSH, n.CMD_BLOCK_STATUS + 1)) * 6)


@cache
def _server(is_stored: bool) -> VolumeServer:
    """
    In files the loop in C serves, where it was built; in memory that in Python.
    """
    store = open_file_store(_directory()) if is_stored else open_memory_store()
    sessions = Sessions(store)
    Catalogue(store, sessions, lambda: 1.0).create("v", SIZE)
    return VolumeServer(store, open_volume(store, "v", sessions.fresh()), lambda client: None)


def _directory() -> str:
    made = tempfile.mkdtemp(prefix="fuzz", dir=tempfile.tempdir or memory())
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _serve(sent: bytes, handover: AnyHandover) -> tuple[bytes, bytes]:
    """
    What the loop in Python answers, and that in C.  The volume is empty before.
    """
    handover = handover._replace(leftover=sent[: 500 << 10])
    return _answered(_server(False), handover), _answered(_server(True), handover)


def _answered(server: VolumeServer, handover: AnyHandover) -> bytes:
    if server.volume.usage().own:
        server.volume.zero(0, SIZE)
    ours, theirs = socket.socketpair()
    with theirs:
        _give_room(ours)
        theirs.shutdown(socket.SHUT_WR)
        server._connection(ours, handover).run()
        said = bytearray()
        while part := theirs.recv(1 << 20):
            said += part
    assert server.volume.size_bytes == SIZE
    assert not server.volume.has_failed
    return bytes(said)


def _give_room(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _ROOM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _AT_MOST)


def _are_whole(*said: bytes) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        _give_room(probe)
        has_room = probe.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= _ROOM
    return has_room or max(map(len, said)) < _SURE


class Order:
    """
    ``unsure``: reads that are sent as a file, so that what is changed before the client takes them
    may show.  A client that does not wait for a reply has no right to either.
    """

    def __init__(self) -> None:
        self.unsure: set[int] = set()
        self._large: set[int] = set()

    def asked(self, serial: int, is_read: bool, size: int) -> None:
        """
        The next request.
        """
        if not is_read:
            self.unsure |= self._large
        elif size >= FILE_BYTES:
            self._large.add(serial)


def block_transmission(data: bytes) -> None:
    """
    A data connection, raw or in whole frames: answered or ended, alike by both loops.
    """
    cursor = Cursor(data)
    if cursor.number() & 1:
        _serve(cursor.rest(), BlockHandover(b"", b""))
        return
    sent = bytearray()
    serial = 0
    order = Order()
    while not cursor.is_at_end:
        serial += 1
        frame = cursor.request(_OPERATIONS, (b"",), serial)
        header = parse(frame)
        order.asked(serial, header.operation == op.READ, header.size)
        sent += frame
    slow, fast = _serve(bytes(sent), BlockHandover(b"", b""))
    if _are_whole(slow, fast):
        unsure = order.unsure
        expected, found = answers_to_frames(slow, unsure), answers_to_frames(fast, unsure)
        assert found == expected, (found, expected)
        counted(len(found))


def nbd_transmission(data: bytes) -> None:
    """
    An NBD client, raw or in whole requests: answered or ended, alike by both loops.
    """
    cursor = Cursor(data)
    choice = cursor.number()
    handover = Handover(bool(choice & 2), bool(choice & 4), b"", b"")
    if choice & 1:
        _serve(cursor.rest(), handover)
        return
    sent = bytearray()
    reads: dict[int, int] = {}
    order = Order()
    while not cursor.is_at_end:
        kind, flags = _COMMANDS[cursor.number() % len(_COMMANDS)], cursor.number()
        offset = cursor.extent()
        payload = cursor.data() if kind == n.CMD_WRITE else b""
        size = len(payload) if kind == n.CMD_WRITE else cursor.size() & 0xFFFFFFFF
        order.asked(len(sent), kind == n.CMD_READ, size)
        if kind == n.CMD_READ:
            reads[len(sent)] = size
        sent += REQUEST.pack(n.REQUEST_MAGIC, flags, kind, len(sent), offset, size) + payload
    slow, fast = _serve(bytes(sent), handover)
    if _are_whole(slow, fast):
        unsure = order.unsure
        expected, found = answers_to_nbd(slow, reads, unsure), answers_to_nbd(fast, reads, unsure)
        assert found == expected, (found, expected)
        counted(len(found))

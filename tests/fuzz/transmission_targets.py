"""
The loops that serve data connections and NBD clients, in Python and in C.
"""

from __future__ import annotations

import atexit
import shutil
import socket
import struct
import tempfile
from functools import cache

from archipelagod.datapath.handover import AnyHandover, BlockHandover, Handover
from archipelagod.datapath.serving import VolumeServer
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST
from archipelagod.stores.store import open_file_store, open_memory_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from tests.fuzz import memory
from tests.fuzz.cursor import Cursor

SIZE = 16 << 20
_AT_MOST = struct.pack("@ll", 0, 3000)  # 3 ms: nobody reads the replies


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


def _serve(sent: bytes, handover: AnyHandover) -> None:
    handover = handover._replace(leftover=sent[: 500 << 10])
    for is_stored in (False, True):
        server = _server(is_stored)
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _AT_MOST)
            theirs.shutdown(socket.SHUT_WR)
            server._connection(ours, handover).run()
        assert server.volume.size_bytes == SIZE
        assert not server.volume.has_failed


def block_transmission(data: bytes) -> None:
    """
    A data connection, raw or in whole frames: answered or ended.
    """
    cursor = Cursor(data)
    if cursor.number() & 1:
        _serve(cursor.bytes(len(data)), BlockHandover(b"", b""))
        return
    sent = bytearray()
    while not cursor.is_at_end:
        sent += cursor.request(has_target=False)
    _serve(bytes(sent), BlockHandover(b"", b""))


def nbd_transmission(data: bytes) -> None:
    """
    An NBD client, raw or in whole requests: answered or ended.
    """
    cursor = Cursor(data)
    choice = cursor.number()
    handover = Handover(bool(choice & 2), bool(choice & 4), b"", b"")
    if choice & 1:
        _serve(cursor.bytes(len(data)), handover)
        return
    sent = bytearray()
    while not cursor.is_at_end:
        kind, flags = cursor.number() % 9, cursor.number()
        offset = cursor.extent()
        payload = cursor.bytes(cursor.number()) if kind == n.CMD_WRITE else b""
        size = len(payload) if kind == n.CMD_WRITE else cursor.extent() & 0xFFFFFFFF
        sent += REQUEST.pack(n.REQUEST_MAGIC, flags, kind, len(sent), offset, size) + payload
    _serve(bytes(sent), handover)

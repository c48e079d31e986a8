"""
The loops that serve data connections and NBD clients, on a volume in memory.
"""

from __future__ import annotations

import socket
import struct
from functools import cache

from archipelagod.datapath.block_requests import BlockRequests
from archipelagod.datapath.connection import Connection, Requests
from archipelagod.datapath.counts import Tally
from archipelagod.datapath.exchange import Exchange, Shared
from archipelagod.datapath.flusher import Flusher
from archipelagod.datapath.handover import Handover
from archipelagod.datapath.limits import Limiter
from archipelagod.datapath.nbd_requests import NbdRequests
from archipelagod.nbd import numbers as n
from archipelagod.nbd.replies import REQUEST
from archipelagod.stores.store import open_memory_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from tests.fuzz.cursor import Cursor

SIZE = 16 << 20
_AT_MOST = struct.pack("@ll", 0, 10000)  # 10 ms: nobody reads the replies


@cache
def _shared() -> Shared:
    store = open_memory_store()
    sessions = Sessions(store)
    Catalogue(store, sessions, lambda: 1.0).create("v", SIZE)
    volume = open_volume(store, "v", sessions.fresh())
    tally = Tally()
    return Shared(volume, Flusher(volume, tally), Limiter(), tally)


def _serve(sent: bytes, handover: Handover | None) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _AT_MOST)
        theirs.shutdown(socket.SHUT_WR)
        exchange = Exchange(ours, sent[: 500 << 10], _shared())
        requests: Requests
        requests = BlockRequests(exchange) if handover is None else NbdRequests(exchange, handover)
        Connection(ours, exchange, requests).run()
    assert not exchange.counts or _shared().volume.size_bytes == SIZE
    assert not _shared().volume.has_failed


def block_transmission(data: bytes) -> None:
    """
    A data connection, raw or in whole frames: answered or ended.
    """
    cursor = Cursor(data)
    if cursor.number() & 1:
        _serve(cursor.bytes(len(data)), None)
        return
    sent = bytearray()
    while not cursor.is_at_end:
        sent += cursor.request(has_target=False)
    _serve(bytes(sent), None)


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

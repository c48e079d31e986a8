"""
A volume that is served in this process, and a plain client of its data connections.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from archipelagod.datapath.handover import BlockHandover, Handover
from archipelagod.datapath.serving import VolumeServer
from archipelagod.stores.store import Store, open_memory_store
from archipelagod.volume.catalogue import Catalogue
from archipelagod.volume.opening import open_volume
from archipelagod.volume.sessions import Sessions
from archipelagod.wire import operations as op
from archipelagod.wire.framing import HEADER_BYTES, REQUEST, Header, pack, parse

MIB = 1 << 20


class DataClient:
    """
    Sends frames, reads frames.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")

    def ask(
        self,
        operation: int,
        serial: int,
        *,
        offset: int = 0,
        size: int = 0,
        data: bytes = b"",
        flags: int = 0,
    ) -> None:
        """One request."""
        head = pack(REQUEST, operation, serial, flags, 0, offset, size, data_bytes=len(data))
        self.sock.sendall(head + data)

    def reply(self) -> tuple[Header, bytes]:
        """The next frame."""
        header = parse(self.file.read(HEADER_BYTES))
        return header, self.file.read(header.data_bytes)

    def write(self, offset: int, data: bytes, serial: int = 1) -> int:
        """Status of a write."""
        self.ask(op.WRITE, serial, offset=offset, data=data)
        return self.reply()[0].status

    def read(self, offset: int, size: int, serial: int = 1) -> bytes:
        """What is there."""
        self.ask(op.READ, serial, offset=offset, size=size)
        header, data = self.reply()
        assert not header.status, data
        return data

    def close(self) -> None:
        """Hangs up."""
        self.file.close()
        self.sock.close()


class Served:
    """
    The volume "v", served; ``gone`` has the numbers of clients that went.
    """

    def __init__(self, size_bytes: int = 64 * MIB, store: Store | None = None) -> None:
        self.store = store or open_memory_store()
        self.sessions = Sessions(self.store)
        self.catalogue = Catalogue(self.store, self.sessions, lambda: 0.0)
        self.catalogue.create("v", size_bytes)
        self.gone: list[int] = []
        volume = open_volume(self.store, "v", self.sessions.fresh())
        self.server = VolumeServer(self.store, volume, self.gone.append)
        self._clients = 0

    def socket(self, *, is_nbd: bool = False) -> socket.socket:
        """A client's end."""
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        self._clients += 1
        handover = Handover(True, False, b"", b"") if is_nbd else BlockHandover(b"", b"")
        self.server.serve(theirs, self._clients, handover)
        return ours

    @contextlib.contextmanager
    def client(self) -> Iterator[DataClient]:
        """A data connection."""
        client = DataClient(self.socket())
        try:
            yield client
        finally:
            client.close()

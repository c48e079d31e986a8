"""
Serves a data connection of a FakeVolume, one request after the other.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from archipelagod.wire import operations as op
from archipelagod.wire.errors import BadRequest, StorageError
from archipelagod.wire.framing import ERROR, HEADER_BYTES, REPLY, REQUEST, BadFrame, pack, parse

if TYPE_CHECKING:
    from tests.archipelagod.wire.fake_volumes import FakeVolume


class FakeAttachment:
    """See IAttachment."""

    def __init__(self, volume: FakeVolume, owner: int | str | None) -> None:
        self.size_bytes = volume.size_bytes
        self.is_read_only = volume.is_read_only
        self._volume = volume
        self._owner = owner
        self._is_gone = False
        volume.attached.append(owner)

    def cancel(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._volume.attached.remove(self._owner)

    def serve_block(self, sock: socket.socket, leftover: bytes) -> None:
        threading.Thread(target=self._serve, args=(sock, leftover), daemon=True).start()

    def _serve(self, sock: socket.socket, leftover: bytes) -> None:
        sock.setblocking(True)
        self._pending = bytearray(leftover)
        try:
            with sock:
                while self._one(sock):
                    pass
        except OSError:
            pass
        finally:
            self.cancel()

    def _one(self, sock: socket.socket) -> bool:
        try:
            front = self._exactly(sock, HEADER_BYTES)
            header = parse(front)
            if header.kind != REQUEST or header.target_bytes:
                raise BadFrame("not a request of a data connection")
        except BadFrame as error:
            text = str(error).encode()
            sock.sendall(pack(ERROR, 0, 0, status=BadRequest.status, data_bytes=len(text)) + text)
            return False
        data = self._exactly(sock, header.data_bytes)
        status = size = flags = 0
        try:
            answer = self._do(header.operation, header.offset, header.size, data)
        except StorageError as error:
            status, answer = error.status, str(error).encode()
        if header.operation == op.INFO:
            size = self._volume.size_bytes
            flags = op.FLAG_READ_ONLY if self._volume.is_read_only else 0
        front = pack(REPLY, header.operation, header.serial, flags, status, 0, size, 0, len(answer))
        sock.sendall(front + answer)
        return header.operation != op.CLOSE

    def _do(self, operation: int, offset: int, size: int, data: bytes) -> bytes:
        if operation == op.CLOSE:
            self.cancel()
        elif operation == op.READ:
            return self._volume.read(offset, size)
        elif operation == op.WRITE:
            self._volume.write(offset, data)
        elif operation == op.FLUSH:
            self._volume.flushes += 1
        elif operation in (op.DISCARD, op.WRITE_ZEROES):
            self._volume.zero(offset, size)
        elif operation != op.INFO:
            raise BadRequest(f"operation {operation}")
        return b""

    def _exactly(self, sock: socket.socket, size: int) -> bytes:
        while len(self._pending) < size:
            data = sock.recv(1 << 20)
            if not data:
                raise ConnectionError("closed")
            self._pending += data
        found = bytes(self._pending[:size])
        del self._pending[:size]
        return found

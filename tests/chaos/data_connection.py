"""
A data connection of the block protocol, with the face of an NBD connection.
"""

from __future__ import annotations

import os

from archipelagod.nbd import numbers as n
from archipelagod.wire import operations as op
from archipelagod.wire.errors import StorageError, StorageUnavailable, VolumeBusy
from archipelagod.wire.frames import REQUEST, Frame
from tests.chaos.link import Link, refusal
from tests.chaos.nbd_connection import Refused, Reply

OPERATIONS = {
    n.CMD_READ: op.READ,
    n.CMD_WRITE: op.WRITE,
    n.CMD_FLUSH: op.FLUSH,
    n.CMD_TRIM: op.DISCARD,
    n.CMD_WRITE_ZEROES: op.WRITE_ZEROES,
}


class DataConnection:
    """
    See NbdConnection.
    """

    def __init__(self, path: str, secret_file: str, volume: str) -> None:
        try:
            self._link = Link(path, secret_file)
        except StorageUnavailable as error:
            raise ConnectionRefusedError(str(error)) from error
        try:
            opened = self._link.ask(Frame(REQUEST, op.OPEN, target=volume, offset=os.getpid()))
        except VolumeBusy as error:
            self._link.close()
            raise Refused(str(error)) from error
        except StorageUnavailable as error:
            self._link.close()
            raise ConnectionResetError(str(error)) from error
        self.size_bytes = opened.size

    def send(self, command: int, offset: int, size: int, data: bytes = b"", flags: int = 0) -> int:
        """See NbdConnection."""
        fua = op.FLAG_FUA if flags & n.CMD_FLAG_FUA else 0
        sent = 0 if command in (n.CMD_WRITE, n.CMD_FLUSH) else size
        frame = Frame(REQUEST, OPERATIONS[command], flags=fua, offset=offset, size=sent, data=data)
        try:
            return self._link.send(frame)
        except StorageUnavailable as error:
            raise ConnectionResetError(str(error)) from error

    def receive(self) -> Reply:
        """See NbdConnection."""
        try:
            frame = self._link.receive()
            error = refusal(frame)
        except StorageUnavailable as gone:
            raise ConnectionResetError(str(gone)) from gone
        return Reply(frame.serial, error.status if error is not None else 0, frame.data)

    def read(self, offset: int, size: int) -> bytes:
        """See NbdConnection."""
        self.send(n.CMD_READ, offset, size)
        reply = self.receive()
        if reply.error:
            raise OSError(n.EIO, reply.data.decode("utf-8", "replace"))
        return reply.data

    def write(self, offset: int, data: bytes) -> None:
        """See NbdConnection."""
        self.send(n.CMD_WRITE, offset, len(data), data)
        reply = self.receive()
        if reply.error:
            raise OSError(n.EIO, reply.data.decode("utf-8", "replace"))

    def leave(self) -> None:
        """See NbdConnection."""
        try:
            self._link.ask(Frame(REQUEST, op.CLOSE))
        except StorageError:
            pass
        finally:
            self._link.close()

    def close(self) -> None:
        """See NbdConnection."""
        self._link.close()

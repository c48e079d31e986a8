"""
A small NBD client of our own: plain sockets, many requests on the way.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from archipelagod.nbd import numbers as n

TIMEOUT_S = 60.0
_REPLY = struct.Struct(">IIQ")


class Refused(Exception):
    """
    The server does not let us have the export (now).
    """


class NoAnswer(Exception):
    """
    The server hangs: that is a defect, not a crash.
    """


class Reply(NamedTuple):
    """
    ``error`` is 0 or an NBD error.
    """

    cookie: int
    error: int
    data: bytes


class NbdConnection:
    """
    One connection to one export.  For one thread.  Methods raise ConnectionError when the server
    dies, NoAnswer when it hangs.
    """

    def __init__(self, path: str, export: str, timeout_s: float = TIMEOUT_S) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(timeout_s)
        self._reads: dict[int, int] = {}
        self._cookie = 0
        self.size_bytes = 0
        self.flags = 0
        try:
            self._sock.connect(path)
            self._negotiate(export.encode())
        except FileNotFoundError as error:
            self.close()
            raise ConnectionRefusedError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def _negotiate(self, export: bytes) -> None:
        self._receive(18)
        self._send(struct.pack(">I", n.FLAG_FIXED_NEWSTYLE | n.FLAG_NO_ZEROES))
        data = struct.pack(">I", len(export)) + export + struct.pack(">H", 0)
        self._send(struct.pack(">QII", n.OPTION_MAGIC, n.OPT_GO, len(data)) + data)
        while True:
            _, _, kind, size = struct.unpack(">QIII", self._receive(20))
            data = self._receive(size)
            if kind == n.REP_ACK:
                return
            if kind & 1 << 31:
                raise Refused(
                    f"{export.decode()}: {kind & 0xFF}: {data.decode('utf-8', 'replace')}"
                )
            if kind == n.REP_INFO and struct.unpack_from(">H", data)[0] == n.INFO_EXPORT:
                _, self.size_bytes, self.flags = struct.unpack(">HQH", data)

    def close(self) -> None:
        """
        Hangs up, without goodbye.
        """
        self._sock.close()

    def leave(self) -> None:
        """
        Says goodbye and hangs up.
        """
        try:
            self.send(n.CMD_DISC, 0, 0)
            self._sock.recv(1)
        except OSError:
            pass
        self.close()

    def send(self, command: int, offset: int, size: int, data: bytes = b"", flags: int = 0) -> int:
        """
        Sends a request; its cookie.
        """
        self._cookie += 1
        if command == n.CMD_READ:
            self._reads[self._cookie] = size
        front = struct.pack(">IHHQQI", n.REQUEST_MAGIC, flags, command, self._cookie, offset, size)
        self._send(front + data)
        return self._cookie

    def receive(self) -> Reply:
        """
        The next reply, of whichever request.
        """
        magic, error, cookie = _REPLY.unpack(self._receive(_REPLY.size))
        if magic != n.SIMPLE_REPLY_MAGIC:
            raise AssertionError(f"the server sent {magic:08x} for a reply")
        size = self._reads.pop(cookie, 0)
        return Reply(cookie, error, self._receive(size) if size and not error else b"")

    def ask(self, command: int, offset: int, size: int, data: bytes = b"", flags: int = 0) -> bytes:
        """
        Sends a request while nothing else is on the way; the data of its reply.  Raises OSError.
        """
        cookie = self.send(command, offset, size, data, flags)
        reply = self.receive()
        assert reply.cookie == cookie
        if reply.error:
            raise OSError(reply.error, f"NBD command {command} at {offset}: error {reply.error}")
        return reply.data

    def read(self, offset: int, size: int) -> bytes:
        """
        Bytes of the export.
        """
        return self.ask(n.CMD_READ, offset, size)

    def write(self, offset: int, data: bytes, *, fua: bool = False) -> None:
        """
        Writes.
        """
        self.ask(n.CMD_WRITE, offset, len(data), data, n.CMD_FLAG_FUA if fua else 0)

    def flush(self) -> None:
        """
        Everything acknowledged is on stable storage.
        """
        self.ask(n.CMD_FLUSH, 0, 0)

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise NoAnswer("the server takes no more requests") from None

    def _receive(self, size: int) -> bytes:
        found = bytearray(size)
        view = memoryview(found)
        while view:
            try:
                count = self._sock.recv_into(view)
            except TimeoutError:
                raise NoAnswer("the server does not answer") from None
            if not count:
                raise ConnectionResetError("the server hung up")
            view = view[count:]
        return bytes(found)

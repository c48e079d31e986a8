"""
An NBD client that can no more than attach and read.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

_OPTION = b"IHAVEOPT"
_GO = 7
_ACK = 1
_FIXED_NO_ZEROES = 3
_REQUEST_MAGIC = 0x25609513
_READ = 0


class Attached:
    """
    One connection to an export, its `socket` open to other uses.  Raises OSError.
    """

    def __init__(self, path: Path, export: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(str(path))
            self._go(export.encode())
        except BaseException:
            self.socket.close()
            raise

    def _go(self, name: bytes) -> None:
        self._exactly(18)
        asked = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
        greeting = struct.pack(">I", _FIXED_NO_ZEROES) + _OPTION
        self.socket.sendall(greeting + struct.pack(">II", _GO, len(asked)) + asked)
        while True:
            _, _, kind, size = struct.unpack(">QIII", self._exactly(20))
            said = self._exactly(size)
            if kind == _ACK:
                return
            if kind >> 31:
                raise OSError(f"{name.decode()}: {said.decode(errors='replace') or hex(kind)}")

    def read(self, offset: int, size: int) -> bytes:
        """That part of the export."""
        self.socket.sendall(struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, _READ, 1, offset, size))
        _, error, _ = struct.unpack(">IIQ", self._exactly(16))
        if error:
            raise OSError(error, "the server could not read")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise OSError("the server hung up")
            data += piece
        return bytes(data)

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

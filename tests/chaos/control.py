"""
A blocking client of the block protocol.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
from pathlib import Path
from typing import Any

from archipelagod.wire import handshake
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BY_STATUS, StorageUnavailable
from archipelagod.wire.frames import REPLY, REQUEST, Frame, FrameDecoder, encode

TIMEOUT_S = 60.0


class Control:
    """
    One connection.  For one thread.  Methods raise StorageError; StorageUnavailable when the daemon
    died, and nothing is known of the outcome.
    """

    def __init__(self, path: str, secret_file: str) -> None:
        self._decoder = FrameDecoder()
        self._serial = 0
        self._pending: list[Frame] = []
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(TIMEOUT_S)
        try:
            self._sock.connect(path)
        except OSError as error:
            self._sock.close()
            raise StorageUnavailable(str(error)) from error
        secret = Path(secret_file).read_text().strip().encode()
        nonce = secrets.token_bytes(handshake.NONCE_BYTES)
        hello = handshake.hello(nonce)
        welcome = self._ask(Frame(REQUEST, op.HELLO, data=hello))
        _, proof = handshake.answer(secret, hello, welcome.data)
        self._ask(Frame(REQUEST, op.AUTHENTICATE, data=proof))

    def _ask(self, frame: Frame) -> Frame:
        self._serial += 1
        data = encode(
            Frame(
                frame.kind,
                frame.operation,
                self._serial,
                frame.flags,
                0,
                frame.offset,
                frame.size,
                frame.target,
                frame.data,
            )
        )
        try:
            self._sock.sendall(data)
            while not self._pending:
                received = self._sock.recv(1 << 20)
                if not received:
                    raise StorageUnavailable("the daemon hung up")
                self._pending += self._decoder.feed(received)
        except TimeoutError:
            raise AssertionError(f"no answer to operation {frame.operation}") from None
        except OSError as error:
            raise StorageUnavailable(str(error)) from error
        reply = self._pending.pop(0)
        if reply.kind != REPLY or reply.status:
            kind = BY_STATUS.get(reply.status, StorageUnavailable)
            raise kind(reply.data.decode("utf-8", "replace"))
        return reply

    def close(self) -> None:
        """
        Hangs up.
        """
        self._sock.close()

    def create(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.CREATE, target=volume, size=size_bytes))

    def clone(self, origin: str, volume: str, size_bytes: int | None = None) -> None:
        """See BlockClient."""
        flags = op.FLAG_SAME_SIZE if size_bytes is None else 0
        data = volume.encode()
        self._ask(
            Frame(REQUEST, op.CLONE, flags=flags, target=origin, size=size_bytes or 0, data=data)
        )

    def snapshot(self, volume: str, name: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.SNAPSHOT, target=volume, data=name.encode()))

    def delete(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.DELETE, target=volume))

    def rename(self, volume: str, name: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.RENAME, target=volume, data=name.encode()))

    def resize(self, volume: str, size_bytes: int) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.RESIZE, target=volume, size=size_bytes))

    def rollback(self, volume: str, snapshot: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.ROLLBACK, target=volume, data=snapshot.encode()))

    def flatten(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.FLATTEN, target=volume))

    def collect(self) -> None:
        """
        BlockClient's ``gc``.
        """
        self._ask(Frame(REQUEST, op.GC))

    def info(self, volume: str) -> dict[str, Any]:
        """See BlockClient."""
        found: dict[str, Any] = json.loads(self._ask(Frame(REQUEST, op.INFO, target=volume)).data)
        return found

    def names(self) -> list[str]:
        """
        Names of all volumes.
        """
        data = json.dumps({"marker": "", "prefix": "", "limit": op.MAX_LISTED}).encode()
        frame = Frame(REQUEST, op.LIST, data=data)
        with contextlib.suppress(UnicodeDecodeError):
            return [info["name"] for info in json.loads(self._ask(frame).data)]
        raise AssertionError("LIST answered with no text")

    def read(self, volume: str, offset: int, size: int) -> bytes:
        """See BlockClient."""
        return self._ask(Frame(REQUEST, op.READ, target=volume, offset=offset, size=size)).data

    def write(self, volume: str, offset: int, data: bytes, *, fua: bool = False) -> None:
        """See BlockClient."""
        flags = op.FLAG_FUA if fua else 0
        self._ask(Frame(REQUEST, op.WRITE, flags=flags, target=volume, offset=offset, data=data))

    def flush(self, volume: str) -> None:
        """See BlockClient."""
        self._ask(Frame(REQUEST, op.FLUSH, target=volume))

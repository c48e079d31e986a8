"""
One connection of the block protocol, on a plain socket of our own: it tells a daemon that died from
one that hangs.
"""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

from attrs import evolve

from archipelagod.wire import handshake
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BY_STATUS, StorageError, StorageUnavailable
from archipelagod.wire.frames import REPLY, REQUEST, Frame, FrameDecoder, encode

TIMEOUT_S = 60.0


def refusal(reply: Frame) -> StorageError | None:
    """
    What a reply refuses, if it does.
    """
    if reply.kind == REPLY and not reply.status:
        return None
    return BY_STATUS.get(reply.status, StorageUnavailable)(reply.data.decode("utf-8", "replace"))


class Link:
    """
    For one thread.  Raises StorageUnavailable when the daemon died, AssertionError when it hangs.
    """

    def __init__(self, path: str, secret_file: str) -> None:
        self._decoder = FrameDecoder()
        self._serial = 0
        self._received: list[Frame] = []
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(TIMEOUT_S)
        try:
            self._sock.connect(path)
        except OSError as error:
            self._sock.close()
            raise StorageUnavailable(str(error)) from error
        secret = Path(secret_file).read_text().strip().encode()
        hello = handshake.hello(secrets.token_bytes(handshake.NONCE_BYTES))
        welcome = self.ask(Frame(REQUEST, op.HELLO, data=hello))
        _, proof = handshake.answer(secret, hello, welcome.data)
        self.ask(Frame(REQUEST, op.AUTHENTICATE, data=proof))

    def send(self, frame: Frame) -> int:
        """
        Sends a request; its serial.
        """
        self._serial += 1
        try:
            self._sock.sendall(encode(evolve(frame, serial=self._serial)))
        except TimeoutError:
            raise AssertionError("the daemon takes no more requests") from None
        except OSError as error:
            raise StorageUnavailable(str(error)) from error
        return self._serial

    def receive(self) -> Frame:
        """
        The next reply, of whichever request.
        """
        while not self._received:
            try:
                data = self._sock.recv(1 << 20)
            except TimeoutError:
                raise AssertionError("the daemon does not answer") from None
            except OSError as error:
                raise StorageUnavailable(str(error)) from error
            if not data:
                raise StorageUnavailable("the daemon hung up")
            self._received += self._decoder.feed(data)
        return self._received.pop(0)

    def ask(self, frame: Frame) -> Frame:
        """
        The reply to a request while nothing else is on the way.  Raises StorageError.
        """
        self.send(frame)
        reply = self.receive()
        error = refusal(reply)
        if error is not None:
            raise error
        return reply

    def close(self) -> None:
        """
        Hangs up.
        """
        self._sock.close()

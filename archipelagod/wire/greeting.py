"""
How a server gets to know a client: the states before anything may be asked.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from twisted.logger import Logger

from archipelagod.wire import operations as op
from archipelagod.wire.errors import NotAuthenticated
from archipelagod.wire.frames import REPLY, Frame
from archipelagod.wire.handshake import Greeting, Welcome, greet


class Greeter:
    """
    ``take`` frames of one client and send what it returns, until ``agreed`` is there.
    """

    _log = Logger()

    def __init__(self, secret: bytes, nonce: Callable[[], bytes]) -> None:
        self.agreed: Welcome | None = None
        self._secret = secret
        self._nonce = nonce
        self._greeting: Greeting | None = None

    def take(self, frame: Frame) -> Frame:
        """
        The reply.  Raises NotAuthenticated, BadRequest; then the connection has to end.
        """
        if frame.operation == op.HELLO and self._greeting is None:
            self._greeting = greet(self._secret, frame.data, self._nonce())
            return Frame(REPLY, frame.operation, frame.serial, data=self._greeting.data)
        if frame.operation != op.AUTHENTICATE or self._greeting is None:
            raise NotAuthenticated("HELLO comes first")
        if not hmac.compare_digest(frame.data, self._greeting.expected_proof):
            self._log.warn("a client of the block protocol does not know the secret")
            raise NotAuthenticated("the proof is wrong")
        self.agreed = self._greeting.agreed
        return Frame(REPLY, frame.operation, frame.serial)

"""
The server's side of the block protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory

from archipelagod.wire.connection import BlockProtocol
from archipelagod.wire.greeting import Greeter
from archipelagod.wire.handshake import fresh_nonce
from archipelagod.wire.interface import IVolumes
from archipelagod.wire.strangers import Strangers


class BlockFactory(Factory):
    """
    Makes a BlockProtocol for each connection.  nonce: gives the random bytes of a handshake.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        secret: bytes,
        volumes: IVolumes,
        nonce: Callable[[], bytes] = fresh_nonce,
    ) -> None:
        self._reactor = reactor
        self._secret = secret
        self._volumes = volumes
        self._strangers = Strangers()
        self._nonce = nonce

    def buildProtocol(self, addr: Any) -> BlockProtocol:
        """See Factory."""
        return BlockProtocol(
            self._reactor, Greeter(self._secret, self._nonce), self._volumes, self._strangers
        )

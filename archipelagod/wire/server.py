"""
The server's side of the block protocol.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory

from archipelagod.wire.connection import BlockProtocol
from archipelagod.wire.interface import IVolumes
from archipelagod.wire.strangers import Strangers


class BlockFactory(Factory):
    """
    Makes a BlockProtocol for each connection.
    """

    noisy = False

    def __init__(self, reactor: Any, secret: bytes, volumes: IVolumes) -> None:
        self._reactor = reactor
        self._secret = secret
        self._volumes = volumes
        self._strangers = Strangers()

    def buildProtocol(self, addr: Any) -> BlockProtocol:
        """See Factory."""
        return BlockProtocol(self._reactor, self._secret, self._volumes, self._strangers)

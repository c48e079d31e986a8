"""
Clients that send what they are told.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory, Protocol

from archipelagod.wire import handshake
from archipelagod.wire import operations as op
from archipelagod.wire.frames import REQUEST, Frame, FrameDecoder, encode
from tests.archipelagod.wire.serving import SECRET, reactor


class Raw(Protocol):
    """
    ``ended`` fires with the frames that came when the connection is lost.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.ended: Deferred[list[Frame]] = Deferred()
        self._decoder = FrameDecoder()
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self.frames += self._decoder.feed(data)
        waiting, self._waiting = self._waiting, []
        for count, waiter in waiting:
            if len(self.frames) >= count:
                waiter.callback(None)
            else:
                self._waiting.append((count, waiter))

    def connectionLost(self, reason: Any = None) -> None:
        """See Protocol."""
        self.ended.callback(self.frames)

    def send(self, *frames: Frame | bytes) -> None:
        """Frames, or anything."""
        wire: Any = self.transport
        for frame in frames:
            wire.write(frame if isinstance(frame, bytes) else encode(frame))

    def until(self, count: int) -> Deferred[None]:
        """Fires when so many frames came."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append((count, waiter))
        self.dataReceived(b"")
        return waiter


async def connected(endpoint: str) -> Raw:
    """A client that said nothing yet."""
    factory = Factory.forProtocol(Raw)
    factory.noisy = False
    raw: Any = await clientFromString(reactor, endpoint).connect(factory)
    assert isinstance(raw, Raw)
    return raw


async def introduced(
    endpoint: str, window: int = op.WINDOW, features: int = op.FEATURES, secret: bytes = SECRET
) -> Raw:
    """A client that may ask; ``frames`` is empty."""
    raw = await connected(endpoint)
    said = handshake.hello(bytes(32), window=window, features=features)
    raw.send(Frame(REQUEST, op.HELLO, 1, data=said))
    await raw.until(1)
    _, proof = handshake.answer(secret, said, raw.frames[0].data)
    raw.send(Frame(REQUEST, op.AUTHENTICATE, 2, data=proof))
    await raw.until(2)
    raw.frames.clear()
    return raw

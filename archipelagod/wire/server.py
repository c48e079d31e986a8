"""
The server's side of the block protocol.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from archipelagod.volumes import Volumes
from archipelagod.wire import arguments, handshake
from archipelagod.wire import operations as op
from archipelagod.wire.errors import BadRequest, NotAuthenticated, OutOfRange, StorageError
from archipelagod.wire.frames import (
    ERROR,
    MAX_DATA,
    MAX_DATA_BEFORE_HELLO,
    MAX_IO_BYTES,
    REPLY,
    REQUEST,
    BadFrame,
    Frame,
    FrameDecoder,
    encode,
)

HELLO_TIMEOUT_S = 10.0
WINDOW = 32  # requests in work per connection; further ones wait in the client


@implementer(IPushProducer)
class BlockProtocol(Protocol):
    """
    One connection.  Requests run at once and are answered as they finish.
    """

    _log = Logger()

    def __init__(self, reactor: Any, secret: bytes, volumes: Volumes) -> None:
        self._wire: Any = None
        self._secret = secret
        self._volumes = volumes
        self._decoder = FrameDecoder(MAX_DATA_BEFORE_HELLO)
        self._expected_proof: bytes | None = None
        self._is_authenticated = False
        self._waiting: list[Frame] = []
        self._in_work = 0
        self._is_stuffed = False  # the client does not read its replies
        self._is_over = False
        self._timeout = reactor.callLater(HELLO_TIMEOUT_S, self._end, "no HELLO in time")

    def connectionMade(self) -> None:
        """See Protocol."""
        self._wire = self.transport
        self._wire.registerProducer(self, True)

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        """See Protocol."""
        self._is_over = True
        self._waiting.clear()
        if self._timeout.active():
            self._timeout.cancel()

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self._is_stuffed = True
        self._regulate()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._is_stuffed = False
        self._advance()

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self._is_over = True

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        if self._is_over:
            return
        try:
            for frame in self._decoder.feed(data):
                self._take(frame)
        except BadFrame as error:
            self._end(str(error))
        except NotAuthenticated as error:
            self._end(str(error), error.status)
        else:
            self._advance()

    def _take(self, frame: Frame) -> None:
        if frame.kind != REQUEST:
            raise BadFrame("a client sends requests")
        if self._is_authenticated:
            self._waiting.append(frame)
        elif frame.operation == op.HELLO and self._expected_proof is None:
            self._greet(frame)
        elif frame.operation == op.AUTHENTICATE and self._expected_proof is not None:
            self._authenticate(frame)
        else:
            raise NotAuthenticated("HELLO comes first")

    def _greet(self, frame: Frame) -> None:
        lowest, highest, client_nonce = handshake.read_hello(frame.data)
        if not lowest <= op.HIGHEST_VERSION <= highest:
            raise BadFrame(f"only version {op.HIGHEST_VERSION} is spoken here")
        nonce = secrets.token_bytes(handshake.NONCE_BYTES)
        self._expected_proof = handshake.proof(self._secret, b"client", client_nonce, nonce)
        proven = handshake.proof(self._secret, b"server", client_nonce, nonce)
        data = handshake.welcome(op.HIGHEST_VERSION, WINDOW, MAX_DATA, nonce, proven)
        self._send(Frame(REPLY, frame.operation, frame.serial, data=data))

    def _authenticate(self, frame: Frame) -> None:
        assert self._expected_proof is not None
        if not hmac.compare_digest(frame.data, self._expected_proof):
            self._log.warn("a client of the block protocol does not know the secret")
            raise NotAuthenticated("the proof is wrong")
        self._is_authenticated = True
        self._decoder.max_data = MAX_DATA
        self._timeout.cancel()
        self._send(Frame(REPLY, frame.operation, frame.serial))

    def _end(self, text: str, status: int = BadRequest.status) -> None:
        """
        Says why, and hangs up.
        """
        if not self._is_over:
            self._is_over = True
            self._send(Frame(ERROR, 0, status=status, data=text.encode()[:1000]))
            self._wire.unregisterProducer()
            self._wire.loseConnection()

    def _send(self, frame: Frame) -> None:
        self._wire.write(encode(frame))

    def _advance(self) -> None:
        while self._waiting and self._in_work < WINDOW and not self._is_stuffed:
            frame = self._waiting.pop(0)
            self._in_work += 1
            Deferred.fromCoroutine(self._perform(frame)).addErrback(self._fail)
        self._regulate()

    def _regulate(self) -> None:
        if self._is_over:
            return
        if self._waiting or self._is_stuffed or self._in_work >= WINDOW:
            self._wire.pauseProducing()
        else:
            self._wire.resumeProducing()

    def _fail(self, failure: Failure) -> None:
        self._log.failure("a request could not be answered", failure=failure)
        self._end("internal error")

    async def _perform(self, frame: Frame) -> None:
        try:
            handler = HANDLERS.get(frame.operation)
            if handler is None:
                raise BadRequest(f"operation {frame.operation} is not known")
            reply = Frame(
                REPLY, frame.operation, frame.serial, data=await handler(self._volumes, frame)
            )
        except StorageError as error:
            text = str(error).encode()[:1000]
            reply = Frame(REPLY, frame.operation, frame.serial, status=error.status, data=text)
        self._in_work -= 1
        if not self._is_over:
            self._send(reply)
            self._advance()


async def _read(volumes: Volumes, frame: Frame) -> bytes:
    if frame.size > MAX_IO_BYTES:
        raise OutOfRange(f"{frame.size} bytes; {MAX_IO_BYTES} at a time")
    return await volumes.read(frame.target, frame.offset, frame.size)


async def _write(volumes: Volumes, frame: Frame) -> bytes:
    if len(frame.data) > MAX_IO_BYTES:
        raise OutOfRange(f"{len(frame.data)} bytes; {MAX_IO_BYTES} at a time")
    fua = bool(frame.flags & op.FLAG_FUA)
    await volumes.write(frame.target, frame.offset, frame.data, fua=fua)
    return b""


async def _flush(volumes: Volumes, frame: Frame) -> bytes:
    await volumes.flush(frame.target)
    return b""


async def _info(volumes: Volumes, frame: Frame) -> bytes:
    return msgspec.json.encode(await volumes.info(frame.target))


async def _list(volumes: Volumes, frame: Frame) -> bytes:
    wanted = arguments.decode_listing(frame.data)
    limit = min(max(wanted.limit, 0), op.MAX_LISTED)
    return msgspec.json.encode(await volumes.list(wanted.marker, limit, wanted.prefix))


async def _create(volumes: Volumes, frame: Frame) -> bytes:
    await volumes.create(frame.target, frame.size)
    return b""


async def _clone(volumes: Volumes, frame: Frame) -> bytes:
    size = None if frame.flags & op.FLAG_SAME_SIZE else frame.size
    await volumes.clone(frame.target, arguments.decode_name(frame.data), size)
    return b""


async def _snapshot(volumes: Volumes, frame: Frame) -> bytes:
    await volumes.snapshot(frame.target, arguments.decode_name(frame.data))
    return b""


async def _seal(volumes: Volumes, frame: Frame) -> bytes:
    await volumes.seal(frame.target)
    return b""


async def _rename(volumes: Volumes, frame: Frame) -> bytes:
    await volumes.rename(frame.target, arguments.decode_name(frame.data))
    return b""


async def _resize(volumes: Volumes, frame: Frame) -> bytes:
    await volumes.resize(frame.target, frame.size)
    return b""


async def _delete(volumes: Volumes, frame: Frame) -> bytes:
    await volumes.delete(frame.target)
    return b""


HANDLERS: dict[int, Callable[[Volumes, Frame], Awaitable[bytes]]] = {
    op.READ: _read,
    op.WRITE: _write,
    op.FLUSH: _flush,
    op.INFO: _info,
    op.LIST: _list,
    op.CREATE: _create,
    op.CLONE: _clone,
    op.SNAPSHOT: _snapshot,
    op.SEAL: _seal,
    op.RENAME: _rename,
    op.RESIZE: _resize,
    op.DELETE: _delete,
}


class BlockFactory(Factory):
    """
    Makes a BlockProtocol for each connection.
    """

    noisy = False

    def __init__(self, reactor: Any, secret: bytes, volumes: Volumes) -> None:
        self._reactor = reactor
        self._secret = secret
        self._volumes = volumes

    def buildProtocol(self, addr: Any) -> BlockProtocol:
        """See Factory."""
        return BlockProtocol(self._reactor, self._secret, self._volumes)

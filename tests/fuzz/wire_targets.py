"""
Parsers of the block protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from archipelagod.wire import arguments, framing, handshake, results
from archipelagod.wire.errors import BadRequest, NotAuthenticated, StorageError, StorageUnavailable
from archipelagod.wire.frames import REPLY, BadFrame, Frame, FrameDecoder
from archipelagod.wire.places import BadPlace, parse_place
from archipelagod.wire.requests import request
from archipelagod.wire.server import BlockFactory
from tests.archipelagod.wire.fake_volumes import FakeVolumes
from tests.fuzz.cursor import Cursor
from tests.vectors.conversation import shaken

LARGEST = framing.HEADER_BYTES + framing.MAX_TARGET + framing.MAX_DATA
NONCE = bytes(32)


def attempt(function: Callable[..., Any], allowed: Any, *given: Any) -> Any:
    """
    What the function returns, or the error it declares; any other goes up.
    """
    try:
        return function(*given)
    except allowed as error:
        return error


def frames(data: bytes) -> None:
    """
    However bytes arrive, the same frames or the same refusal come out.
    """
    whole, parted = FrameDecoder(), FrameDecoder()
    expected = _outcome(whole, [data])
    step = data[0] % 61 + 1 if data else 1
    found = _outcome(parted, [data[at : at + step] for at in range(0, len(data), step)])
    assert found == expected, (found, expected)
    assert len(whole._pending) <= max(len(data), LARGEST)


def _outcome(decoder: FrameDecoder, chunks: list[bytes]) -> list[Any]:
    found: list[Any] = []
    try:
        for chunk in chunks:
            found += decoder.feed(chunk)
    except BadFrame as error:
        found.append(str(error))
    return found


def header(data: bytes) -> None:
    """
    A header is read, or refused; what was read is written the same.
    """
    if len(data) >= framing.HEADER_BYTES:
        found = attempt(framing.parse, BadFrame, data)
        if isinstance(found, framing.Header):
            kind, operation, flags, status, serial, *rest = found
            again = framing.pack(kind, operation, serial, flags, status, *rest)
            assert again == data[: framing.HEADER_BYTES]


def introductions(data: bytes) -> None:
    """
    Data of HELLO and of its reply.
    """
    found = attempt(handshake.greet, (NotAuthenticated, BadRequest), b"secret", data, NONCE)
    if isinstance(found, handshake.Greeting):
        assert found.agreed.features & ~7 == 0
        assert 1 <= found.agreed.window <= 32
    said = handshake.hello(NONCE)
    answer = attempt(handshake.answer, NotAuthenticated, b"secret", said, data)
    assert isinstance(answer, NotAuthenticated)


def json_arguments(data: bytes) -> None:
    """
    Arguments are values, or BadRequest.
    """
    for decode in (arguments.decode_listing, arguments.decode_limits, arguments.decode_older):
        attempt(decode, BadRequest, data)
    attempt(arguments.decode_name, BadRequest, data)
    attempt(lambda: arguments.split_hashes(arguments.checked_hashes(data, 10)), BadRequest)


def replies(data: bytes) -> None:
    """
    Results are values, or StorageUnavailable.
    """
    reply = Frame(REPLY, 1, flags=32, offset=len(data) % 3, data=data)
    for read in (results.info, results.infos, results.figures, results.hashes, results.hash_of):
        attempt(read, StorageUnavailable, reply)
    attempt(results.extents, StorageUnavailable, reply, 1)


def places(data: bytes) -> None:
    """
    A place, or BadPlace.
    """
    attempt(parse_place, BadPlace, data.decode("utf-8", "replace"))


def stranger(data: bytes) -> None:
    """
    Whoever doesn't know the secret changes nothing, and is heard until the first mistake.
    """
    volumes = FakeVolumes()
    server = BlockFactory(Clock(), b"secret", volumes).buildProtocol(None)
    transport = StringTransport()
    server.makeConnection(transport)
    for at in range(0, len(data), 100):
        server.dataReceived(data[at : at + 100])
    server.dataReceived(Cursor(data).request(has_target=True))
    assert not volumes.volumes
    assert len(transport.value()) < 2000
    server.connectionLost()


def server(data: bytes) -> None:
    """
    A known client may ask for anything: it is answered, and nothing fails unforeseen.
    """
    cursor = Cursor(data)
    _, side, carry = shaken(NONCE, NONCE, b"secret")
    carry()
    volumes = side._volumes = side._holdings._volumes = FakeVolumes(largest=1 << 24)
    for name in ("v", "sealed"):
        Deferred.fromCoroutine(volumes.create(name, 1 << 20))
    volumes.of("sealed").is_read_only = True
    while not cursor.is_at_end:
        side.dataReceived(cursor.request(has_target=True))
        for frame in answered(side.transport.value()):
            assert frame.data != b"internal error", frame
        side.transport.clear()
    side.connectionLost()


def answered(data: bytes) -> Iterator[Frame]:
    """
    What a server said.
    """
    return FrameDecoder().feed(data)


def client(data: bytes) -> None:
    """
    A client takes what a server says for an answer, or ends the connection.
    """
    link, _, carry = shaken(NONCE, NONCE, b"secret")
    carry()
    asked = [link.ask(request(number, "v")) for number in (10, 20, 71)]
    cursor = Cursor(data)
    raw = cursor.number() & 1
    while not cursor.is_at_end:
        link.dataReceived(cursor.bytes(1000) if raw else _reply(cursor))
    link.connectionLost()
    for each in asked:
        assert each.called
        each.addErrback(lambda failure: failure.trap(StorageError))


def _reply(cursor: Cursor) -> bytes:
    kind, operation = cursor.number() % 5, (10, 20, 71)[cursor.number() % 3]
    serial, status = cursor.number() % 8, cursor.number() % 20
    data = cursor.bytes(cursor.number())
    return framing.pack(kind, operation, serial, 0, status, data_bytes=len(data)) + data

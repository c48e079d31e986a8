"""
Parsers of the block protocol, one value at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archipelagod.wire import arguments, framing, handshake, results
from archipelagod.wire.errors import BadRequest, NotAuthenticated, StorageUnavailable
from archipelagod.wire.frames import REPLY, BadFrame, Frame, FrameDecoder
from archipelagod.wire.places import BadPlace, parse_place

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

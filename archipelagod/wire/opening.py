"""
OPEN: a connection becomes a data connection of one volume.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from typing import Any

from archipelagod.nbd import peers
from archipelagod.wire import operations as op
from archipelagod.wire.detaching import LastWords, detach, is_detachable
from archipelagod.wire.errors import BadRequest, StorageUnavailable
from archipelagod.wire.frames import REPLY, Frame, encode
from archipelagod.wire.interface import IAttachment, IVolumes
from archipelagod.wire.relaying import Relay

_unknown = itertools.count()  # connections that have nothing in common with any other


def owner_of(transport: Any, frame: Frame) -> int | str:
    """
    Who a data connection belongs to: connections of one owner may write a volume together.

    A number is a process, here as for NBD.
    """
    if frame.offset:
        return f"client {frame.offset}"
    process = None
    if is_detachable(transport) and transport.getHandle().family == socket.AF_UNIX:
        process = peers.owner_of(transport.getHandle())
    return process or f"connection {next(_unknown)}"


async def attached(volumes: IVolumes, transport: Any, frame: Frame) -> IAttachment:
    """
    The claim that OPEN asks for.  Raises StorageError and its kinds.
    """
    if frame.data:
        raise BadRequest("OPEN takes no data")
    return await volumes.attach(frame.target, owner_of(transport, frame))


def answer_to(frame: Frame, attachment: IAttachment) -> bytes:
    """
    The reply to OPEN.
    """
    flags = op.FLAG_READ_ONLY if attachment.is_read_only else 0
    reply = Frame(REPLY, frame.operation, frame.serial, flags=flags, size=attachment.size_bytes)
    return encode(reply)


async def hand_over(
    reactor: Any,
    transport: Any,
    attachment: IAttachment,
    reply: bytes,
    leftover: Callable[[], bytes],
) -> Relay | None:
    """
    Sends ``reply``, and gives the connection to whoever serves the volume.

    ``leftover``: gives what the client sent ahead.  Returns the relay to which what comes later has
    to be given, if the daemon stays between the two; else the transport is closed.
    Raises StorageUnavailable when the connection was lost meanwhile.
    """
    if not is_detachable(transport):
        return _relayed(reactor, transport, attachment, reply, leftover)
    try:
        await LastWords(transport, reply).start()
    except OSError as error:
        attachment.cancel()
        raise StorageUnavailable(str(error)) from error
    attachment.serve_block(detach(transport), leftover())
    return None


def _relayed(
    reactor: Any,
    transport: Any,
    attachment: IAttachment,
    reply: bytes,
    leftover: Callable[[], bytes],
) -> Relay:
    try:
        relay, sock = Relay.between(reactor, transport)
    except OSError as error:
        attachment.cancel()
        raise StorageUnavailable(str(error)) from error
    transport.write(reply)
    attachment.serve_block(sock, leftover())
    return relay

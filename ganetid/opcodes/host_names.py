"""
Names of instances as the resolver knows them, and whether anybody has their addresses already.

Source: Ganeti 3.0.2, lib/netutils.py and CheckHostnameSane.
"""

from __future__ import annotations

import socket
from typing import Any

from attrs import frozen
from twisted.internet import error as net_error
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.threads import deferToThread

from ganetid.opcodes.errors import NOT_UNIQUE, WRONG_INPUT, OpPrereqError

NODED_PORT = 1811
PING_S = 10.0


@frozen
class HostName:
    """A name as the resolver spells it out, and its address."""

    name: str
    address: str


async def resolved(given: str) -> HostName:
    """What the resolver says.  Raises OpPrereqError also for a name that has not this prefix."""
    try:
        found = await deferToThread(_ask, given.lower())
    except OSError as error:
        raise OpPrereqError(
            f"The given name ({given}) does not resolve: {error.strerror}", "resolver_error"
        ) from error
    if not f"{found.name}.".startswith(f"{given.lower()}."):
        raise OpPrereqError(
            f"Resolved hostname '{found.name}' does not look the same as given hostname '{given}'",
            WRONG_INPUT,
        )
    return found


async def require_unused(host: HostName, name: str, port: int = NODED_PORT) -> None:
    """Raises OpPrereqError when somebody answers at the address; also one who refuses answers."""
    if await _answers(host.address, port):
        raise OpPrereqError(f"IP {host.address} of instance {name} already in use", NOT_UNIQUE)


def _ask(given: str) -> HostName:
    """Blocks.  Raises OSError."""
    name = socket.getfqdn(given).lower()
    return HostName(name, str(socket.getaddrinfo(name, None)[0][4][0]))


async def _answers(address: str, port: int) -> bool:
    endpoint = HostnameEndpoint(reactor, address, port, timeout=PING_S)
    work: Deferred[Any] = connectProtocol(endpoint, Protocol())
    try:
        protocol = await work
    except net_error.ConnectionRefusedError:
        return True
    except net_error.ConnectError:
        return False
    protocol.transport.abortConnection()
    return True

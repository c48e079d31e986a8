"""
Posts to addresses that users name: never to this cloud's own networks.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from synnefo_tx.daemon import posting
from synnefo_tx.daemon.posting import Post

PATIENCE_S = 10.0
GLOBAL_UNICAST = IPv6Network("2000::/3")  # the rest may lead to IPv4 (NAT64) or to this site
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(Exception):
    """
    A name that leads nowhere, or to an address that users may not reach from here.
    """


@frozen
class Allowed:
    """
    Addresses of the public internet, and those in `networks` (CIDR).
    """

    networks: tuple[str, ...] = ()

    def takes(self, address: str) -> bool:
        """
        Whether it may be connected to.
        """
        found = ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        if any(found in ip_network(network) for network in self.networks):
            return True
        if isinstance(found, IPv6Address) and (found not in GLOBAL_UNICAST or found.sixtofour):
            return False
        return found.is_global and not found.is_multicast


async def resolved(host: str, port: int) -> Sequence[str]:
    """
    The addresses of a name, found in a thread.  Raises OSError.
    """
    found = await deferToThread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


@implementer(IStreamClientEndpoint)
class CheckedEndpoint:
    """
    Connects to the first address of a name, when all of them are allowed: what is checked is what
    is connected to.
    """

    def __init__(
        self, reactor: Any, host: str, port: int, allowed: Allowed, resolve: Resolve
    ) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._allowed = allowed
        self._resolve = resolve

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        See IStreamClientEndpoint.  Fails with AddressRefused too.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: Any) -> Any:
        addresses = await self._resolve(self._host, self._port)
        if not addresses or not all(map(self._allowed.takes, addresses)):
            raise AddressRefused(f"{self._host} is not on the public internet")
        kind = TCP6ClientEndpoint if ":" in addresses[0] else TCP4ClientEndpoint
        return await kind(self._reactor, addresses[0], self._port, PATIENCE_S).connect(factory)


@implementer(IAgentEndpointFactory)
@frozen(eq=False)
class _Endpoints:
    _reactor: Any
    _allowed: Allowed
    _resolve: Resolve

    def endpointForURI(self, uri: Any) -> Any:
        host = uri.host.decode("ascii")
        plain = CheckedEndpoint(
            self._reactor, host.strip("[]"), uri.port, self._allowed, self._resolve
        )
        if uri.scheme == b"https":
            return wrapClientTLS(optionsForClientTLS(host), plain)
        return plain


def poster(reactor: Any, allowed: Allowed, resolve: Resolve = resolved) -> Post:
    """
    Certificates are checked against those that the system trusts; nobody is redirected.
    """
    endpoints = _Endpoints(reactor, allowed, resolve)
    return posting.poster(Agent.usingEndpointFactory(reactor, endpoints), PATIENCE_S)

"""
Connections of a Twisted client to the daemon.
"""

from __future__ import annotations

from typing import Any

from OpenSSL.SSL import Error as SSLError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, clientFromString, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS, trustRootFromCertificates

from archipelagod.wire.errors import StorageUnavailable
from archipelagod.wire.link import BlockLink
from archipelagod.wire.pem import certificates_in, our_certificate
from archipelagod.wire.places import Place, parse_place


def endpoint_of(reactor: Any, text: str) -> Any:
    """
    A client's endpoint: ``ssl:`` as in ``parse_place``, the rest as Twisted reads it.

    Raises ValueError, OSError when certificates can't be read.
    """
    if not text.startswith("ssl:"):
        return clientFromString(reactor, text)
    place = parse_place(text)
    options = optionsForClientTLS(
        place.address, trustRoot=_trusted(place), clientCertificate=_ours(place)
    )
    return wrapClientTLS(options, HostnameEndpoint(reactor, place.address, place.port))


def _trusted(place: Place) -> Any:
    return None if place.ca is None else trustRootFromCertificates(certificates_in(place.ca))


def _ours(place: Place) -> Any:
    return None if place.certificate is None else our_certificate(place.certificate, place.key)


class Dialler:
    """
    Makes connections, and shares one of them.
    """

    def __init__(self, reactor: Any, endpoint: str, secret: bytes, timeout_s: float) -> None:
        self._reactor = reactor
        self._endpoint = endpoint_of(reactor, endpoint)
        self._secret = secret
        self._timeout_s = timeout_s
        self._link: BlockLink | None = None
        self._connecting: list[Deferred[BlockLink]] | None = None  # who waits for a connection
        self._is_closed = False

    async def shared(self) -> BlockLink:
        """
        The connection that all use, made when it is needed.  Raises StorageUnavailable,
        NotAuthenticated.
        """
        if self._link is not None and self._link.is_open:
            return self._link
        waiter: Deferred[BlockLink] = Deferred()
        if self._connecting is None:
            self._connecting = [waiter]
            connecting = Deferred.fromCoroutine(self.fresh())
            connecting.addTimeout(self._timeout_s, self._reactor).addBoth(self._tell)
        else:
            self._connecting.append(waiter)
        return await waiter

    def _tell(self, result: Any) -> None:
        waiting, self._connecting = self._connecting or [], None
        if isinstance(result, BlockLink):
            self._link = result
        for waiter in waiting:
            if not waiter.called:
                waiter.callback(result)  # a Failure goes the way of errors

    async def fresh(self) -> BlockLink:
        """
        A connection of its own.  Raises StorageUnavailable, NotAuthenticated.
        """
        if self._is_closed:
            raise StorageUnavailable("the client is closed")
        factory = Factory.forProtocol(lambda: BlockLink(self._secret))
        factory.noisy = False
        try:
            link: BlockLink = await self._endpoint.connect(factory)
        except (ConnectError, CancelledError, SSLError) as error:
            raise StorageUnavailable(f"can't connect: {error}") from error
        try:
            await link.ready
        except CancelledError:
            link.close()
            raise
        return link

    def close(self) -> None:
        """
        Hangs up the shared connection, and makes no other.
        """
        self._is_closed = True
        if self._link is not None:
            self._link.close()

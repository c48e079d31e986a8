"""
Who answers guests: DHCP, router advertisements, ARP and metadata, from what is plugged just now.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ganetid.guest.metadata_service import metadata_factory
from ganetid.network.namespace import open_service_socket, within
from ganetid.network.numbers import port_of_identity, service_address
from ganetid.network.state import NetworkState, Place
from ganetid.network.wire.answers import NodeTells, answer, unasked_advertisement
from ganetid.network.wire.packet_socket import PacketReader, open_packet_socket
from ganetid.network.wire.public import announcement, answer_for_public

METADATA_PORT = 80
ADVERTISE_EVERY_S = 200.0


class Answering:
    """
    Begins with `begin` and ends with `close`; `know` tells it what is plugged.
    """

    _log = Logger()

    def __init__(self, reactor: Any, namespace: str | None, tells: NodeTells) -> None:
        self._reactor = reactor
        self._namespace = namespace
        self._tells = tells
        self._places: dict[str, Place] = {}
        self._documents: dict[int, Mapping[str, bytes]] = {}
        self._public: frozenset[str] = frozenset()
        self._inner: frozenset[str] = frozenset()
        self._reader: PacketReader | None = None
        self._metadata: Any = None
        self._advertising = LoopingCall(self._advertise)
        self._advertising.clock = reactor

    async def begin(self, cluster: str) -> None:
        """Begin to answer.  Raises OSError."""
        opened = await within(self._reactor, self._namespace, open_packet_socket)
        self._reader = PacketReader(self._reactor, opened, self._heard)
        listening = await within(
            self._reactor,
            self._namespace,
            lambda: open_service_socket(service_address(cluster), METADATA_PORT),
        )
        factory = metadata_factory(self._reactor, self._documents_of)
        self._metadata = self._reactor.adoptStreamPort(listening.fileno(), socket.AF_INET, factory)
        listening.close()
        self._advertising.start(ADVERTISE_EVERY_S, now=False)

    def know(self, state: NetworkState) -> None:
        """From now on these are the NICs."""
        self._places = {place.tap: place for place in state.places()}
        self._documents = {
            number: plugged.metadata
            for plugged in state.plugged.values()
            for number in plugged.numbers.values()
        }
        self._public = frozenset(
            each for place in self._places.values() for each in place.port.public
        )
        bridges = {place.bridge for place in self._places.values() if place.bridge}
        cables = {cable.outer for cable in state.cables()}
        self._inner = frozenset({*bridges, *state.bridged(), *cables})

    async def close(self) -> None:
        """Answer no more."""
        if self._advertising.running:
            self._advertising.stop()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        listening, self._metadata = self._metadata, None
        if listening is not None:
            await maybeDeferred(listening.stopListening)

    def _heard(self, interface: str, frame: bytes) -> bytes | None:
        place = self._places.get(interface)
        if place is not None:
            return answer(frame, place, self._tells)
        if interface in self._inner or not self._public or self._reader is None:
            return None
        return answer_for_public(frame, self._public, self._reader.mac_of(interface))

    def announce(self, interfaces: Collection[str], addresses: Collection[str]) -> None:
        """Tell the networks outside that these public addresses are here now."""
        if self._reader is None:
            return
        for interface in interfaces:
            mac = self._reader.mac_of(interface)
            for address in addresses if mac is not None else ():
                self._reader.send(interface, announcement(address, mac or ""))

    def _documents_of(self, address: str) -> Mapping[str, bytes] | None:
        try:
            documents = self._documents.get(port_of_identity(address))
        except ValueError:
            return None
        return documents or None

    def _advertise(self) -> None:
        """Guests forget a router that they hear nothing of for half an hour."""
        for place in self._places.values():
            frame = unasked_advertisement(place, self._tells)
            if frame is not None and self._reader is not None:
                self._reader.send(place.tap, frame)

"""
The console proxy as a Twisted service.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from OpenSSL.SSL import Error as TlsError
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.console.door import Door, Guard
from ganetid.console.relay import Limits
from ganetid.console.settings import ConsoleSettings, check
from ganetid.console.spent import SpentTokens
from ganetid.console.vnc_tcp import VncClient
from ganetid.console.websocket import ConsoleSocket
from synnefo_tx.daemon.private_files import secret_in
from synnefo_tx.daemon.settings import SettingsError

FORGET_EVERY_S = 60.0
STRANGERS = 256  # connections that have no session yet
SHORTEST_SECRET = 16


class Clients(Factory):
    """Makes one protocol for each client, as long as there are not too many."""

    noisy = False

    def __init__(self, door: Door, make: Callable[[Door], Protocol]) -> None:
        self._door = door
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """None, which hangs up, when there are too many."""
        if len(self._door.clients) >= self._door.limits.sessions + STRANGERS:
            return None
        made = self._make(self._door)
        made.factory = self
        return made


class ConsoleProxy(Service):
    """
    Leads clients with tokens to guests' consoles.

    Once it runs, `websocket_port` and `vnc_port` are the ports, None where not offered.
    """

    name = "ganetid-console"
    _log = Logger()

    def __init__(self, settings: ConsoleSettings, reactor: Any) -> None:
        """Raises OSError, SettingsError for a secret or certificate that can't be used."""
        check(settings)
        self._settings = settings
        self._reactor = reactor
        self._certificate = _certificate(settings.certificate)
        Path(settings.state_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._spent = SpentTokens(Path(settings.state_dir) / "spent")
        self._door = Door(reactor, _guard(settings, self._spent), _limits(settings))
        self._forgetting = LoopingCall(self._forget)
        self._forgetting.clock = reactor
        self._listening: list[Any] = []
        self.websocket_port: int | None = None
        self.vnc_port: int | None = None

    def startService(self) -> None:
        """Listen.  Raises CannotListenError."""
        super().startService()
        self.websocket_port = self._listen(self._settings.websocket_port, ConsoleSocket)
        self.vnc_port = self._listen(self._settings.vnc_port, VncClient)
        self._forgetting.start(FORGET_EVERY_S)
        self._log.info(
            "consoles of {node}: WebSocket at port {websocket}, VNC at port {vnc}",
            node=self._settings.name_of_node(),
            websocket=self.websocket_port,
            vnc=self.vnc_port,
        )

    def stopService(self) -> Deferred[None]:
        """Sessions end."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await (super().stopService() or succeed(None))
        if self._forgetting.running:
            self._forgetting.stop()
        for port in self._listening:
            await port.stopListening()
        for end in list(self._door.clients.values()):
            end()

    def _listen(self, port: int | None, make: Callable[[Door], Protocol]) -> int | None:
        if port is None:
            return None
        clients, host = Clients(self._door, make), self._settings.host
        if self._certificate is None:
            listening = self._reactor.listenTCP(port, clients, interface=host)
        else:
            options = self._certificate.options()
            listening = self._reactor.listenSSL(port, clients, options, interface=host)
        self._listening.append(listening)
        return int(listening.getHost().port)

    def _forget(self) -> Deferred[None]:
        forgetting = deferToThread(self._spent.forget, self._reactor.seconds())
        return forgetting.addErrback(
            lambda failure: self._log.failure("old tokens could not be removed", failure)
        )


def _guard(settings: ConsoleSettings, spent: SpentTokens) -> Guard:
    secret = secret_in(Path(settings.secret_file)).encode()
    if len(secret) < SHORTEST_SECRET:
        raise SettingsError(f"{settings.secret_file}: a secret of fewer than 16 bytes")
    directories = tuple(Path(each) for each in settings.socket_directories)
    return Guard(secret, settings.name_of_node(), directories, spent)


def _limits(settings: ConsoleSettings) -> Limits:
    return Limits(
        idle_s=settings.idle_s,
        stalled_s=settings.stalled_s,
        sessions=settings.sessions,
        sessions_of_guest=settings.sessions_of_guest,
    )


def _certificate(path: str | None) -> PrivateCertificate | None:
    if path is None:
        return None
    try:
        loaded: PrivateCertificate = PrivateCertificate.loadPEM(Path(path).read_bytes())
    except TlsError as error:
        raise SettingsError(f"{path}: no certificate and key in it") from error
    return loaded

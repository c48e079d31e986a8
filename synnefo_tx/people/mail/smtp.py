"""
Letters to a mail server: SMTP with STARTTLS and log-in, or by TLS from the start.
"""

from __future__ import annotations

import re
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.mail.smtp import (
    ESMTPSender,
    ESMTPSenderFactory,
    SMTPClientError,
    SMTPDeliveryError,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from synnefo_tx.people.mail.model import ICarrier, NotNow, Refused
from synnefo_tx.people.mail.settings import Mail

LONGEST_S = 120.0  # a letter's whole way, below the life of a claim
FAREWELL_S = 5.0
# What tells of the server or of our log-in there, not of the letter: RFC 5321, 4.2.3; RFC 4954, 6;
# RFC 7504.
OF_THE_SERVER = frozenset({421, 500, 502, 503, 521, 530, 534, 535, 538})


class _Whole(BytesIO):
    """
    Read at once: Twisted doubles the dots that begin lines chunk by chunk, and misses one at the
    beginning of a chunk.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read()


class _Sender(ESMTPSender):
    debug = False  # else its errors tell what was said, the password too

    def connectionMade(self) -> None:
        self.factory.connection = self
        super().connectionMade()

    def esmtpState_starttls(self, code: int, resp: bytes) -> None:
        if self.clearLineBuffer():  # said before TLS, and by whom?
            self.esmtpTLSFailed(code, resp)
        else:
            super().esmtpState_starttls(code, resp)

    def sendError(self, exc: Any) -> None:
        if self.factory.sendFinished:  # too late: nobody listens any more
            self.factory.abort()
        else:
            super().sendError(exc)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        super().connectionLost(reason)
        self.factory.connection = None
        self.factory.clientConnectionLost(None, reason)  # endpoints don't
        self.factory.lost.callback(None)


class _Factory(ESMTPSenderFactory):
    """
    connection: while there is one.  lost: fires when there is none any more.
    """

    noisy = False
    protocol = _Sender
    connection: _Sender | None = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.lost: Deferred[None] = Deferred()

    def abort(self) -> None:
        """
        Whatever was under way is over.
        """
        self.sendFinished = True
        transport: Any = self.connection and self.connection.transport
        if transport is not None:
            transport.abortConnection()

    async def over(self, reactor: Any) -> None:
        """
        Returns when the connection is gone; a server that lets nobody go is left.
        """
        if self.connection is not None:
            patience = reactor.callLater(FAREWELL_S, self.abort)
            with suppress(CancelledError):  # what became of the letter is known by now
                await self.lost
            self.abort()
            if patience.active():
                patience.cancel()


@implementer(ICarrier)
@frozen(eq=False)
class SmtpCarrier:
    """
    One connection a letter.  trust: whose certificates are believed; None: the system's.
    """

    _reactor: Any
    _settings: Mail
    _password: str | None = field(default=None, repr=False)
    _trust: Any = None

    async def carry(self, to: str, content: bytes) -> None:
        """
        See ICarrier.
        """
        taken: Deferred[Any] = Deferred()
        factory = self._factory(to, content, taken)
        taken.addTimeout(LONGEST_S, self._reactor)
        try:
            await self._endpoint().connect(factory)
            await taken
        except SMTPDeliveryError as error:
            raise _outcome(error) from None
        except SMTPClientError as error:
            factory.abort()
            raise NotNow(f"{type(error).__name__}: {error.code} {_text(error.resp)}") from None
        except Exception as error:  # whatever a network does; cancelled
            factory.abort()
            raise NotNow(f"{type(error).__name__}: {error}") from error
        finally:
            taken.addErrback(lambda _: None)
            taken.cancel()  # if nobody came to it
            await factory.over(self._reactor)

    def _factory(self, to: str, content: bytes, taken: Deferred[Any]) -> _Factory:
        settings = self._settings
        return _Factory(
            settings.user.encode() if settings.user else None,
            self._password.encode() if self._password else None,
            settings.sender,
            [to.encode("ascii")],
            _Whole(content),
            taken,
            retries=0,
            timeout=settings.timeout_s,
            contextFactory=self._context() if settings.tls == "starttls" else None,
            heloFallback=settings.tls == "off",
            requireAuthentication=settings.user is not None,
            requireTransportSecurity=settings.tls != "off",
        )

    def _endpoint(self) -> Any:
        settings = self._settings
        assert settings.host is not None
        plain = HostnameEndpoint(
            self._reactor, settings.host, settings.port, timeout=settings.timeout_s
        )
        return wrapClientTLS(self._context(), plain) if settings.tls == "implicit" else plain

    def _context(self) -> Any:
        assert self._settings.host is not None
        return optionsForClientTLS(self._settings.host, trustRoot=self._trust)


def _outcome(error: SMTPDeliveryError) -> Exception:
    """
    What an answer to MAIL, RCPT or DATA means.
    """
    addresses: Any = error.addresses or ()
    said = [text for _to, code, text in addresses if code == error.code]
    text = f"{error.code} {_text(said[0] if said else error.resp)}"
    if 500 <= error.code < 600 and error.code not in OF_THE_SERVER:
        return Refused(text)
    return NotNow(text)


def _text(said: object) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


@implementer(ICarrier)
class NoCarrier:
    """
    There is no mail server.
    """

    async def carry(self, to: str, content: bytes) -> None:
        """
        Raises NotNow.
        """
        raise NotNow("no mail server is set")


def carrier_of(reactor: Any, settings: Mail) -> ICarrier:
    """
    What the settings say.  Reads files; raises OSError, ValueError.
    """
    if settings.host is None:
        return ICarrier(NoCarrier())
    password = trust = None
    if settings.password_file is not None:
        password = Path(settings.password_file).read_text(encoding="utf-8").split("\n", 1)[0]
    if settings.ca_file is not None:
        trust = trustRootFromCertificates(
            [Certificate.loadPEM(pem) for pem in _certificates(Path(settings.ca_file).read_bytes())]
        )
    return ICarrier(SmtpCarrier(reactor, settings, password, trust))


def _certificates(text: bytes) -> list[bytes]:
    found = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    if not found:
        raise ValueError("ca_file holds no certificate")
    return found

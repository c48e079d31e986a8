"""
Letters over real sockets, to a real mail server.
"""

from __future__ import annotations

from logging import getLogger
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from synnefo_tx.people.mail.model import ICarrier, NotNow, Refused
from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.mail.smtp import NoCarrier, carrier_of
from tests.synnefo_tx.people.mail.a_mail_server import PASSWORD, USER, AMailServer
from tests.synnefo_tx.people.mail.certificates import certificate

TO = "eve@example.org"
CONTENT = b"Subject: hello\n\nHello.\n"


class SmtpCase(TestCase):
    def setUp(self) -> None:
        getLogger("mail.log").setLevel("CRITICAL")  # what aiosmtpd says is none of ours

    def settings(self, server: Any, **more: Any) -> Mail:
        """Of a server on this machine."""
        usual = {"host": "127.0.0.1", "port": server.port, "sender": "cloud@example.org"}
        return Mail(**(usual | {"tls": "off", "timeout_s": 5} | more))

    async def carry(self, server: Any, content: bytes = CONTENT, **more: Any) -> None:
        """Returns when it is taken."""
        await carrier_of(reactor, self.settings(server, **more)).carry(TO, content)

    async def refused(self, kind: type[Exception], server: Any, **more: Any) -> str:
        """Why a letter is not taken."""
        with self.assertRaises(kind) as caught:
            await self.carry(server, **more)
        return str(caught.exception)


class PlainTests(SmtpCase):
    """A server that knows neither TLS nor log-ins."""

    def test_interface(self) -> None:
        verifyObject(ICarrier, NoCarrier())
        verifyObject(ICarrier, carrier_of(reactor, Mail(host="h", sender="a@b.org")))

    async def test_taken(self) -> None:
        server = AMailServer(self)
        await self.carry(server)
        self.assertEqual(server.envelopes, [("cloud@example.org", (TO,))])
        self.assertEqual(server.mailboxes, [b"Subject: hello\r\n\r\nHello.\r\n"])

    async def test_dots(self) -> None:
        """Lines that begin with one arrive as they are, wherever the chunks end."""
        server = AMailServer(self)
        lines = [b"." * (1 + number % 3) + b"x" * (number % 70) for number in range(2000)]
        await self.carry(server, b"Subject: dots\n\n" + b"\n".join([*lines, b"."]) + b"\n")
        self.assertEqual(server.mailboxes[0].split(b"\r\n")[2:], [*lines, b".", b""])

    async def test_refused_for_now(self) -> None:
        """Wherever it is said."""
        server = AMailServer(self)
        for command in ("MAIL", "RCPT", "DATA"):
            server.answers[command] = ["451 come back later"]
            self.assertEqual(await self.refused(NotNow, server), "451 come back later")
        self.assertEqual(server.mailboxes, [])

    async def test_refused_for_good(self) -> None:
        server = AMailServer(self)
        for command in ("MAIL", "RCPT", "DATA"):
            server.answers[command] = ["550 nobody here"]
            self.assertEqual(await self.refused(Refused, server), "550 nobody here")

    async def test_what_is_wrong_with_us_is_not_the_letter_s_fault(self) -> None:
        server = AMailServer(self)
        for answer in ("530 log in first", "503 not now", "421 closing"):
            server.answers["MAIL"] = [answer]
            self.assertIn(answer, await self.refused(NotNow, server))

    async def test_the_connection_is_lost(self) -> None:
        for command in ("MAIL", "RCPT", "DATA"):
            server = AMailServer(self)
            server.answers[command] = ["hang up"]
            await self.refused(NotNow, server)

    async def test_nobody_listens(self) -> None:
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        there = port.getHost()
        await port.stopListening()
        self.assertIn("refused", await self.refused(NotNow, there))

    async def test_a_server_that_says_nothing(self) -> None:
        port = reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        told = await self.refused(NotNow, port.getHost(), timeout_s=1)
        self.assertIn("Timeout", told)

    async def test_no_server_is_set(self) -> None:
        with self.assertRaises(NotNow):
            await carrier_of(reactor, Mail()).carry(TO, CONTENT)

    async def test_a_way_that_is_given_up(self) -> None:
        """Cancelled, it leaves no connection behind; trial would see one."""
        port = reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        way = Deferred.fromCoroutine(self.carry(port.getHost()))
        reactor.callLater(0.2, way.cancel)
        with self.assertRaises(NotNow):
            await way


class TlsTests(SmtpCase):
    """Certificates, and log-ins behind them."""

    def setUp(self) -> None:
        super().setUp()
        self.pem = certificate(Path(self.mktemp()))
        self.secret = Path(self.mktemp())
        self.secret.write_bytes(PASSWORD + b"\n")
        self.log_in = {"user": USER.decode(), "password_file": str(self.secret)}

    async def test_starttls_and_a_log_in(self) -> None:
        server = AMailServer(self, self.pem, auth=True)
        await self.carry(server, tls="starttls", ca_file=str(self.pem), **self.log_in)
        self.assertEqual(server.tls, [True])

    async def test_tls_from_the_start(self) -> None:
        server = AMailServer(self, self.pem, auth=True, implicit=True)
        await self.carry(server, tls="implicit", ca_file=str(self.pem), **self.log_in)
        self.assertEqual(len(server.mailboxes), 1)

    async def test_a_wrong_password(self) -> None:
        """Is tried again: an operator mends it; and the password is nowhere in the text."""
        server = AMailServer(self, self.pem, auth=True)
        self.secret.write_text("wrong-one")
        told = await self.refused(
            NotNow, server, tls="starttls", ca_file=str(self.pem), **self.log_in
        )
        self.assertIn("535", told)
        self.assertNotIn("wrong-one", told)

    async def test_a_server_without_tls(self) -> None:
        """Nothing is said to it."""
        server = AMailServer(self)
        self.assertIn("TLS", await self.refused(NotNow, server, tls="starttls"))
        self.assertEqual(server.mailboxes, [])

    async def test_a_certificate_of_others(self) -> None:
        """Of nobody whom we believe, and of another name."""
        server = AMailServer(self, self.pem)
        await self.refused(NotNow, server, tls="starttls")
        other = certificate(Path(self.mktemp()), "192.0.2.1")
        server = AMailServer(self, other)
        await self.refused(NotNow, server, tls="starttls", ca_file=str(other))
        self.assertEqual(server.mailboxes, [])


class _Injecting(Protocol):
    """Says more than asked before TLS begins."""

    def connectionMade(self) -> None:
        self.transport.write(b"220 here\r\n")

    def dataReceived(self, data: bytes) -> None:
        if data.startswith(b"EHLO"):
            self.transport.write(b"250-here\r\n250 STARTTLS\r\n")
        elif data.startswith(b"STARTTLS"):
            self.transport.write(b"220 go\r\n250 AUTH PLAIN\r\n")


class InjectionTests(SmtpCase):
    async def test_what_is_said_before_tls_is_not_believed(self) -> None:
        """Whoever sits between could put answers there."""
        port = reactor.listenTCP(0, Factory.forProtocol(_Injecting), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        told = await self.refused(NotNow, port.getHost(), tls="starttls")
        self.assertIn("TLSError", told)

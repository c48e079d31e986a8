"""
A real mail server: aiosmtpd in a thread of its own, which answers as it is told.
"""

from __future__ import annotations

import asyncio
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Event
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = b"cloud", b"s3cret"


class _AnyPort(Controller):
    def _trigger_server(self) -> None:  # its own would ask at port 0
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class AMailServer:
    """
    Started at once.  mailboxes: what it has taken, as bytes with the line ends of the wire.
    answers: what it says to the next MAIL, RCPT or DATA commands in place of taking them, in order;
    "hang up": nothing, and the connection ends; "think": nothing for an hour, `thinks` is set then;
    "taken": the letter is, and the connection ends before that is said.
    """

    def __init__(self, test: Any, cert: Any = None, *, auth: bool = False, **more: Any) -> None:
        self.mailboxes: list[bytes] = []
        self.envelopes: list[tuple[str, tuple[str, ...]]] = []
        self.tls: list[bool] = []
        self.answers: dict[str, list[str]] = {"MAIL": [], "RCPT": [], "DATA": []}
        self.thinks = Event()
        context = None
        if cert is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert)
        implicit = more.pop("implicit", False)
        if context is not None:
            more |= {"ssl_context": context} if implicit else {"tls_context": context}
            if not implicit:
                more["require_starttls"] = True
        if auth:
            more |= {
                "auth_required": True,
                "authenticator": _check,
                "auth_require_tls": not implicit,
            }
        self._controller = _AnyPort(self, hostname="127.0.0.1", port=0, **more)
        self._controller.start()
        test.addCleanup(self._controller.stop)
        self.port: int = self._controller.port

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        said = self._said("MAIL", server)
        if said is None:
            envelope.mail_from = address
        return said or "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        said = self._said("RCPT", server)
        if said is None:
            envelope.rcpt_tos.append(address)
        return said or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        said = self._said("DATA", server)
        if said is None or said == "taken":
            self.mailboxes.append(envelope.original_content)
            self.envelopes.append((envelope.mail_from, tuple(envelope.rcpt_tos)))
            self.tls.append(session.ssl is not None)
        if said == "taken":  # and nobody learns it
            server.transport.abort()
        if said == "think":
            self.thinks.set()
            await asyncio.sleep(3600)
        return said or "250 OK"

    def _said(self, command: str, server: Any) -> str | None:
        waiting = self.answers[command]
        said = waiting.pop(0) if waiting else None
        if said == "hang up":
            server.transport.abort()
        return said

    @property
    def letters(self) -> list[EmailMessage]:
        """
        What it has taken, parsed.
        """
        parsed = [message_from_bytes(one, policy=policy.default) for one in self.mailboxes]
        return [one for one in parsed if isinstance(one, EmailMessage)]


def _check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER, PASSWORD)
    return AuthResult(success=right, handled=False)

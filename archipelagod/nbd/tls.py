"""
TLS for NBD clients, in a process of its own: the daemon's reactor encrypts nothing.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from archipelagod.nbd.settings import NbdTlsSettings
from archipelagod.nbd.tls_relay import CONTROL_FD
from archipelagod.wire.errors import StorageUnavailable

PATIENCE_S = 10.0
_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    f"import sys; sys.path.insert(0, {_ROOT!r}); "
    "from archipelagod.nbd.tls_relay import main; sys.exit(main(sys.argv[1:]))"
)


class _Process(ProcessProtocol):
    """
    Watches the relay's end, and what it complains of.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def errReceived(self, data: bytes) -> None:
        """See ProcessProtocol."""
        for line in data.decode("utf-8", "replace").splitlines():
            self._log.warn("NBD over TLS: {line}", line=line)

    def processEnded(self, reason: Failure) -> None:
        """See ProcessProtocol."""
        self._log.debug("the TLS relay ended: {why}", why=str(reason.value))
        self.ended.callback(None)


class TlsRelay:
    """
    The process, started when the first client wants it, and again should it die.
    """

    def __init__(self, reactor: Any, settings: NbdTlsSettings) -> None:
        self._reactor = reactor
        self._settings = settings
        self._process: _Process | None = None
        self._control: socket.socket | None = None

    def secured(self, sock: socket.socket) -> socket.socket:
        """
        A socket with what the client behind ``sock`` says and hears inside TLS; it ends when the
        handshake fails.  ``sock`` is still the caller's to close.  Raises StorageUnavailable.
        """
        ours, theirs = socket.socketpair()
        try:
            control = self._running()
            socket.send_fds(control, [b"c"], [sock.fileno(), theirs.fileno()])
        except OSError as error:
            ours.close()
            raise StorageUnavailable(f"the TLS relay: {error}") from error
        finally:
            theirs.close()
        ours.setblocking(False)
        return ours

    def _running(self) -> socket.socket:
        if self._control is not None:
            if self._process is not None and not self._process.ended.called:
                return self._control
            self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._control = ours
        self._process = _Process()
        tls = self._settings
        files = (tls.certificate, tls.key, tls.ca, tls.client_certificates)
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, *files]
        null = os.open(os.devnull, os.O_RDWR)
        try:
            self._reactor.spawnProcess(
                self._process,
                command[0],
                command,
                env={},
                childFDs={0: null, 1: null, 2: "r", CONTROL_FD: theirs.fileno()},
            )
        finally:
            os.close(null)
            theirs.close()
        return ours

    def close(self) -> None:
        """
        The process ends when its last client is gone.
        """
        if self._control is not None:
            self._control.close()
            self._control = None

    async def ended(self) -> None:
        """
        After ``close``: returns when the process has ended, at once for clients that stay too long.
        """
        process, self._process = self._process, None
        if process is None or process.ended.called:
            return
        gone: Deferred[None] = Deferred()
        process.ended.chainDeferred(gone)
        late = self._reactor.callLater(PATIENCE_S, self._kill, process)
        await gone
        if late.active():
            late.cancel()

    def _kill(self, process: _Process) -> None:
        assert process.transport is not None
        process.transport.signalProcess("KILL")

"""
The process that speaks TLS with NBD clients, and plainly with whoever serves them.  Standard
library only.

Descriptor 3 is the control socket: each message brings a client's socket and one end of a pair, and
a thread carries bytes between them.  When the control socket ends, the process ends with its last
client.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading

from archipelagod.nbd.tls_pump import Pump

CONTROL_FD = 3
HANDSHAKE_TIMEOUT_S = 20.0

_VERIFY = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
}


def context_of(certificate: str, key: str, ca: str, client_certificates: str) -> ssl.SSLContext:
    """
    TLS as the settings want it; see NbdTlsSettings.  Raises OSError (ssl.SSLError is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if ca:
        context.load_verify_locations(ca)
    context.verify_mode = _VERIFY[client_certificates]
    return context


def main(arguments: list[str]) -> int:
    """
    Serves until the control socket ends.
    """
    control = socket.socket(fileno=CONTROL_FD)
    control.setblocking(True)
    threads: list[threading.Thread] = []
    while True:
        message, fds, _, _ = socket.recv_fds(control, 16, 2)
        if not message:
            break
        pair = [socket.socket(fileno=fd) for fd in fds]
        if len(pair) != 2:
            continue
        thread = threading.Thread(target=_serve, args=(arguments, *pair))
        threads = [known for known in threads if known.is_alive()]
        threads.append(thread)
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def _serve(arguments: list[str], client: socket.socket, plain: socket.socket) -> None:
    with client, plain:
        try:
            client.settimeout(HANDSHAKE_TIMEOUT_S)
            context = context_of(*arguments)  # anew: certificates are renewed
            secure = context.wrap_socket(client, server_side=True)
        except OSError as error:
            sys.stderr.write(f"no handshake: {error}\n")
            return
        with secure, contextlib.suppress(OSError):
            with contextlib.suppress(OSError):
                secure.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Pump(secure, plain).run()

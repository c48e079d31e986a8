"""
TLS between nodes: who serves, who calls, and who that is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from attrs import frozen
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from ganetid.node.rpc.authority import Identity

END = "-----END CERTIFICATE-----"


@frozen
class Peer:
    """Who is at the other end, as its certificate says.  fingerprint: SHA-256, hex."""

    name: str
    fingerprint: str


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """
    TLS for `listenSSL` that takes up a new identity without listening anew.

    A caller may come without a certificate (it has none before it has joined); one that is shown
    must be signed by the cluster's CA.
    """

    def __init__(self, identity: Identity) -> None:
        self.use(identity)

    def use(self, identity: Identity) -> None:
        """From the next connection on."""
        own = _private(identity)
        self._options = CertificateOptions(
            privateKey=own.privateKey.original,
            certificate=own.original,
            verify=True,
            caCerts=[root.original for root in _roots(identity)],
            requireCertificate=False,
        )

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """See IOpenSSLServerConnectionCreator."""
        return SSL.Connection(self._options.getContext(), None)


@implementer(IPolicyForHTTPS)
class ClientTls:
    """
    Connections to one node: it must show the certificate of that name, whatever its address.

    identity: asked for every new connection.
    """

    def __init__(self, identity: Callable[[], Identity], node: str) -> None:
        self._identity = identity
        self._node = node

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """See IPolicyForHTTPS."""
        identity = self._identity()
        roots = trustRootFromCertificates(_roots(identity))
        return optionsForClientTLS(self._node, roots, _private(identity))


def peer_of(request: Any) -> Peer | None:
    """Who sent an HTTP request; None when no certificate was shown."""
    shown: crypto.X509 | None = request.channel.transport.getPeerCertificate()
    if shown is None:
        return None
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, shown)
    return Peer(str(shown.get_subject().CN), hashlib.sha256(der).hexdigest())


def _private(identity: Identity) -> PrivateCertificate:
    pem = (identity.key + identity.certificate).encode("ascii")
    private: PrivateCertificate = PrivateCertificate.loadPEM(pem)
    return private


def _roots(identity: Identity) -> list[Certificate]:
    """While certificates are renewed, two."""
    parts = identity.authority.split(END)
    return [Certificate.loadPEM((part + END).encode("ascii")) for part in parts if part.strip()]

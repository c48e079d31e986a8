"""Where a broker is and who we are to it, from an AMQP URI."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import field, frozen
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates

PORTS = {"amqp": 5672, "amqps": 5671}
CONNECT_TIMEOUT_S = 10.0


class BadAddress(ValueError):
    """This is not the URI of a broker.  Its text holds no password."""


@frozen
class BrokerAddress:
    """
    One broker and the account there.

    heartbeat_s: the longest silence we wish for; 0 leaves it to the broker.
    ca_file: PEM certificates to trust instead of the system's.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    virtual_host: str
    tls: bool = False
    heartbeat_s: int = 0
    ca_file: str | None = None

    def __str__(self) -> str:
        return f"{'amqps' if self.tls else 'amqp'}://{self.host}:{self.port}"

    def endpoint(self, reactor: Any) -> IStreamClientEndpoint:
        """The TCP or TLS endpoint.  Reads `ca_file`; raises OSError."""
        plain = HostnameEndpoint(reactor, self.host, self.port, timeout=CONNECT_TIMEOUT_S)
        if not self.tls:
            return plain
        trust = None
        if self.ca_file is not None:
            trust = trustRootFromCertificates(
                [Certificate.loadPEM(pem) for pem in _certificates(self.ca_file)]
            )
        return wrapClientTLS(optionsForClientTLS(self.host, trustRoot=trust), plain)


def parse(uri: str) -> BrokerAddress:
    """
    The address in `amqp[s]://user:password@host:port/virtual-host?heartbeat=S&cacertfile=PATH`.

    Parts left out are RabbitMQ's defaults: guest, guest, the scheme's port, virtual host `/`.
    Raises BadAddress.  Source: RabbitMQ's URI specification and its query parameters.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port or PORTS[parts.scheme]
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        heartbeat_s = int(options.pop("heartbeat", "0"))
    except (KeyError, ValueError):
        raise BadAddress("not an amqp:// or amqps:// address") from None
    ca_file = options.pop("cacertfile", None)
    if options or not parts.hostname or not 0 <= heartbeat_s < 1 << 16:
        raise BadAddress("the address of the broker has no host or an unknown option")
    return BrokerAddress(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        virtual_host=unquote(parts.path[1:]) or "/",
        tls=parts.scheme == "amqps",
        heartbeat_s=heartbeat_s,
        ca_file=ca_file,
    )


def _certificates(path: str) -> list[bytes]:
    end = b"-----END CERTIFICATE-----"
    pieces = Path(path).read_bytes().split(end)[:-1]
    return [piece + end + b"\n" for piece in pieces]

"""
Where the daemon listens for the block protocol.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import serverFromString

from archipelagod.wire.places import fields_of

_BEGIN = b"-----BEGIN CERTIFICATE-----"


def endpoint_at(reactor: Any, text: str) -> Any:
    """
    A server's endpoint as Twisted reads it, and for ``ssl:`` one more option: with
    ``clientCA=FILE`` only clients are served that show a certificate which one in the file signed.

    Raises ValueError, OSError when certificates can't be read.
    """
    fields = fields_of(text)
    wanted = [field for field in fields if field.startswith("clientCA=")]
    if fields[0] != "ssl" or not wanted:
        return serverFromString(reactor, text)
    options = dict(field.partition("=")[::2] for field in fields[1:] if "=" in field)
    unknown = set(options) - {"clientCA", "privateKey", "certKey", "interface", "port"}
    if unknown:
        raise ValueError(f"{text!r}: with clientCA, {', '.join(sorted(unknown))} is not possible")
    port = options.get("port") or fields[1]
    return _with_client_certificates(reactor, int(port), options)


def _with_client_certificates(reactor: Any, port: int, options: dict[str, str]) -> Any:
    from twisted.internet.endpoints import SSL4ServerEndpoint  # TLS takes memory

    from archipelagod.wire.pem import certificates_in, our_certificate

    key = options.get("privateKey", "server.pem")
    ours = our_certificate(options.get("certKey", key), key)
    context = ours.options(*certificates_in(options["clientCA"]))
    return SSL4ServerEndpoint(reactor, port, context, interface=options.get("interface", ""))

"""
Settings of the NBD server: the table ``[nbd]`` of archipelagod.toml.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

import msgspec

from synnefo_tx.daemon.settings import SettingsError


class NbdTlsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    PEM files: our certificate (with its chain) and key, and the authorities whose client
    certificates are good.  Read anew for every client.

    client_certificates: "required" (one that ``ca`` vouches for), "optional" (none, or a good one),
    "none" (not asked for).
    """

    certificate: str
    key: str
    ca: str = ""
    client_certificates: Literal["required", "optional", "none"] = "required"


class NbdSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    tcp: ``address:port`` where NBD is served over TCP too; with ``tls`` only inside TLS.
    trusts_network: whoever reaches ``tcp`` may read and write every volume.
    uids: users that may use the unix socket, besides our own; with none given it is ours alone.
    default_export: the volume that clients get who name none.
    """

    tcp: str = ""
    tls: NbdTlsSettings | None = None
    trusts_network: bool = False
    uids: tuple[int, ...] = ()
    default_export: str = ""


def checked(settings: NbdSettings) -> NbdSettings:
    """
    The settings, if they do not contradict each other and open no volume to strangers unasked.

    Raises SettingsError.
    """
    tls = settings.tls
    if tls is not None and tls.client_certificates != "none" and not tls.ca:
        raise SettingsError("nbd.tls: client certificates need ca")
    if settings.tcp:
        host, _ = parse_address(settings.tcp)
        has_proof = tls is not None and tls.client_certificates == "required"
        if not has_proof and not settings.trusts_network and not _is_loopback(host):
            raise SettingsError(
                "nbd.tcp: NBD knows no passwords; set nbd.tls with client certificates, or "
                "nbd.trusts_network = true"
            )
    return settings


def parse_address(text: str) -> tuple[str, int]:
    """
    Host and port of ``host:port``; an IPv6 address stands in brackets.  Raises SettingsError.
    """
    host, colon, port = text.rpartition(":")
    is_number = port.isascii() and port.isdecimal() and len(port) <= len("65535")
    if not colon or not is_number or int(port) > 65535 or not host:
        raise SettingsError(f"nbd.tcp: {text!r} is not address:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

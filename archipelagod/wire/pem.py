"""
Certificates and keys in PEM files.
"""

from __future__ import annotations

from pathlib import Path

from OpenSSL.crypto import Error
from twisted.internet.ssl import Certificate, PrivateCertificate

_BEGIN = b"-----BEGIN CERTIFICATE-----"


def certificates_in(path: str) -> list[Certificate]:
    """
    The certificates in a file.  Raises ValueError when there is none, OSError.
    """
    parts = Path(path).read_bytes().split(_BEGIN)[1:]
    if not parts:
        raise ValueError(f"{path}: no certificate")
    try:
        return [Certificate.loadPEM(_BEGIN + part) for part in parts]
    except Error as error:
        raise ValueError(f"{path}: a certificate is damaged") from error


def our_certificate(path: str, key: str | None) -> PrivateCertificate:
    """
    A certificate and its key, which may be in one file.  Raises ValueError, OSError.
    """
    pem = Path(path).read_bytes()
    if key is not None and key != path:
        pem += b"\n" + Path(key).read_bytes()
    try:
        found: PrivateCertificate = PrivateCertificate.loadPEM(pem)
    except Error as error:
        raise ValueError(f"{path}: no certificate with its key") from error
    return found

"""
A certificate authority for tests, with the file names that libnbd, QEMU and nbdkit look for.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)


class Authority:
    """
    Writes certificates and keys of an authority, a server and a client into a directory.
    """

    def __init__(self, directory: str, name: str = "tests") -> None:
        self.directory = directory
        Path(directory).mkdir(parents=True, exist_ok=True)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        authority = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        authority = authority.add_extension(usage, critical=True)
        self._write("ca-cert.pem", authority.sign(self._key, hashes.SHA256()))
        self._issue("server", ExtendedKeyUsageOID.SERVER_AUTH)
        self._issue("client", ExtendedKeyUsageOID.CLIENT_AUTH)

    def path(self, name: str) -> str:
        """One of its files."""
        return f"{self.directory}/{name}.pem"

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY)
        )

    def _issue(self, role: str, purpose: x509.ObjectIdentifier) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)])
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        certificate = (
            self._builder(subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._write(f"{role}-cert.pem", certificate)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        Path(self.path(f"{role}-key")).write_bytes(secret)

    def _write(self, name: str, certificate: x509.Certificate) -> None:
        encoded = certificate.public_bytes(serialization.Encoding.PEM)
        Path(f"{self.directory}/{name}").write_bytes(encoded)

"""
The cluster's own certificate authority: one certificate per node, signed at its joining.

A node's name is its certificate's common name and DNS name; nodes are reached by address, and
known by that name.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from synnefo_tx.daemon.private_files import write_private

YEARS = 10
CURVE = ec.SECP256R1()


class BadRequest(Exception):
    """A signing request that can't be signed."""


@frozen
class Authority:
    """A CA: its certificate and its private key, PEM."""

    certificate: str
    key: str

    def sign(self, request: str, name: str, now: dt.datetime) -> str:
        """
        The certificate, PEM, for the key in a PEM signing request; whatever name that holds.

        Raises BadRequest.
        """
        try:
            parsed = x509.load_pem_x509_csr(request.encode("ascii"))
        except ValueError as error:
            raise BadRequest(str(error)) from error
        if not parsed.is_signature_valid:
            raise BadRequest("the request is not signed by its own key")
        public = parsed.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise BadRequest("only elliptic curve keys are signed")
        issuer = x509.load_pem_x509_certificate(self.certificate.encode("ascii"))
        signing = serialization.load_pem_private_key(self.key.encode("ascii"), None)
        assert isinstance(signing, ec.EllipticCurvePrivateKey)
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return _pem(
            _builder(name, issuer.subject, public, now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .sign(signing, hashes.SHA256())
        )


@frozen
class Identity:
    """A node's certificate, its private key, and the CA's certificate; PEM."""

    certificate: str
    key: str
    authority: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate, hex."""
        return fingerprint_of(self.certificate)


def new_authority(cluster: str, now: dt.datetime) -> Authority:
    """A new CA for a cluster."""
    key = ec.generate_private_key(CURVE)
    # While it is renewed, who checks a certificate tells the two authorities by their names.
    common_name = f"{cluster[:40]} nodes {secrets.token_hex(8)}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        _builder(common_name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(_pem(certificate), _key_pem(key))


def new_request(name: str) -> tuple[str, str]:
    """(a new private key, a signing request for it); PEM."""
    key = ec.generate_private_key(CURVE)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return _key_pem(key), signed.decode("ascii")


def new_identity(authority: Authority, name: str, now: dt.datetime) -> Identity:
    """A new key with its certificate."""
    key, request = new_request(name)
    return Identity(authority.sign(request, name, now), key, authority.certificate)


def fingerprint_of(certificate: str) -> str:
    """SHA-256 of a PEM certificate, hex."""
    parsed = x509.load_pem_x509_certificate(certificate.encode("ascii"))
    return hashlib.sha256(parsed.public_bytes(serialization.Encoding.DER)).hexdigest()


@frozen
class KeyFiles:
    """Where a node keeps its identity and, when it may become master, the CA's key."""

    directory: Path

    def identity(self) -> Identity | None:
        """This node's identity; None before it has one.  Blocks."""
        if not self._node.exists():
            return None
        key, _, certificate = self._node.read_text("ascii").partition("-----BEGIN CERTIFICATE")
        authority = self._authority.read_text("ascii")
        return Identity(f"-----BEGIN CERTIFICATE{certificate}", key, authority)

    def authority(self) -> Authority | None:
        """The CA, where its key is kept.  Blocks."""
        if not self._authority_key.exists():
            return None
        return Authority(self._authority.read_text("ascii"), self._authority_key.read_text("ascii"))

    def write_identity(self, identity: Identity) -> None:
        """Keep it.  The node's file comes last: without it there is no identity.  Blocks."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._authority, identity.authority)
        write_private(self._node, identity.key + identity.certificate)

    def write_for_qemu(self, identity: Identity) -> Path:
        """The directory with the identity under the names that QEMU wants.  Blocks."""
        directory = self.directory / "migration"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(directory / "ca-cert.pem", identity.authority)
        for end in ("server", "client"):
            write_private(directory / f"{end}-cert.pem", identity.certificate)
            write_private(directory / f"{end}-key.pem", identity.key)
        return directory

    def write_authority(self, authority: Authority) -> None:
        """Keep it.  Blocks."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._authority, authority.certificate)
        write_private(self._authority_key, authority.key)

    @property
    def _node(self) -> Path:
        return self.directory / "node.pem"

    @property
    def _authority(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def _authority_key(self) -> Path:
        return self.directory / "ca.key"


def _builder(
    name: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365 * YEARS))
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")

"""
SSH key pairs: new ones, and the fingerprints of those that users bring.  Pure, but for chance.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_public_key,
)

from synnefo_tx.errors import BadRequest


@frozen
class KeyPair:
    """
    Both halves as OpenSSH writes them.
    """

    public_key: str
    private_key: str


class InvalidKeypair(BadRequest):
    """
    What was sent is no SSH public key.
    """

    def __init__(self) -> None:
        super().__init__("Keypair data is invalid: failed to generate fingerprint")


def new_key_pair(comment: str = "Generated-by-Nova") -> KeyPair:
    """
    An Ed25519 pair: made in microseconds, so it may be made on the reactor.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return KeyPair(f"{public.decode()} {comment}\n", private.decode())


def fingerprint(public_key: str) -> str:
    """
    MD5 of the key's blob, "ab:cd:...", as Nova shows it.  Raises InvalidKeypair.
    """
    words = public_key.split()
    if not public_key.strip().isprintable():  # one line: the guest's authorized_keys has many
        raise InvalidKeypair
    try:
        blob = base64.b64decode(words[1], validate=True)
        load_ssh_public_key(public_key.strip().encode())
    except (IndexError, ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise InvalidKeypair from error
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[place : place + 2] for place in range(0, 32, 2))

"""
How a machine becomes a node: an invitation that counts once, and a certificate for it.

The invitation's token also holds the fingerprint of the master's certificate, so that the machine
knows whom it tells the secret to.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from attrs import frozen
from twisted.internet.threads import deferToThread

from ganetid.node.membership import View
from ganetid.node.rpc.authority import Authority, BadRequest
from ganetid.node.rpc.server import BAD_REQUEST, FORBIDDEN, STRANGER, Asked, Door, Refused
from synnefo_tx.daemon.private_files import write_private

VALID_S = 3600.0


@frozen
class Token:
    """What `node add` prints and `node join` takes."""

    host: str
    port: int
    fingerprint: str
    name: str
    secret: str

    def text(self) -> str:
        """As one word."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode("ascii").rstrip("=")


def token_from(text: str) -> Token:
    """The token in a word.  Raises ValueError."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=Token)
    except (ValueError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"not a token: {error}") from error


@frozen
class Invitation:
    """
    One machine may join.  digest: SHA-256 of its secret.  until: seconds since the epoch.

    readd: a node of this name is there already, and comes back with a new certificate.
    """

    name: str
    digest: str
    until: float
    group: str | None = None
    readd: bool = False


@frozen
class Joining:
    """What a machine sends: a signing request for its key, and the address of its node RPC."""

    name: str
    secret: str
    request: str
    address: tuple[str, int]


@frozen
class Joined:
    """What it gets.  job: adds it to the cluster, once its daemon runs."""

    certificate: str
    authority: str
    view: View
    job: int


Admit = Callable[[Invitation, Joining, str], Awaitable[int]]


@frozen
class Invitations:
    """Invitations kept in a file, until they are used or out of date.  All methods block."""

    path: Path

    def add(self, name: str, now: float, group: str | None, readd: bool) -> str:
        """Invite; the secret."""
        secret = secrets.token_urlsafe(32)
        kept = [each for each in self._read() if each.name != name and each.until > now]
        invitation = Invitation(name, _digest(secret), now + VALID_S, group, readd)
        self._write([*kept, invitation])
        return secret

    def take(self, name: str, secret: str, now: float) -> Invitation | None:
        """Use an invitation up; None when there is none that fits."""
        kept = self._read()
        for each in kept:
            if (
                each.name == name
                and each.until > now
                and hmac.compare_digest(each.digest, _digest(secret))
            ):
                self._write([other for other in kept if other is not each])
                return each
        return None

    def _read(self) -> list[Invitation]:
        if not self.path.exists():
            return []
        return msgspec.json.decode(self.path.read_bytes(), type=list[Invitation])

    def _write(self, invitations: list[Invitation]) -> None:
        write_private(self.path, msgspec.json.encode(invitations).decode("utf-8"))


@frozen
class JoinDoor:
    """
    Lets invited machines in.

    admit: submits the job that adds the node; gets the invitation, what was sent, and the
    certificate.  view: the cluster as it is now.
    """

    invitations: Invitations
    authority: Callable[[], Authority]
    view: Callable[[], View]
    admit: Admit
    now: Callable[[], float]

    def door(self) -> Door:
        """For anybody, since nobody has a certificate before."""
        return Door(self._join, STRANGER)

    async def _join(self, asked: Asked) -> bytes:
        joining = msgspec.json.decode(asked.body, type=Joining)
        invitation = await deferToThread(
            self.invitations.take, joining.name, joining.secret, self.now()
        )
        if invitation is None:
            raise Refused(FORBIDDEN, b"no such invitation, or it is out of date")
        authority = self.authority()
        signed_at = dt.datetime.fromtimestamp(self.now(), dt.UTC)
        try:
            certificate = authority.sign(joining.request, joining.name, signed_at)
        except BadRequest as error:
            raise Refused(BAD_REQUEST, str(error).encode()) from error
        job = await self.admit(invitation, joining, certificate)
        return msgspec.json.encode(Joined(certificate, authority.certificate, self.view(), job))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()

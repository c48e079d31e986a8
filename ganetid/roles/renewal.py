"""
New keys and certificates for all nodes, of a new certificate authority, while the cluster works.

Each node first trusts both authorities, then gets its new certificate, and then trusts the new
authority only.  What is interrupted is done again from the start: nothing is cut off in between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from attrs import evolve, frozen
from twisted.internet.threads import deferToThread

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change, PutMember
from ganetid.node.fleet import Fleet
from ganetid.node.remote import RemoteNode
from ganetid.node.rpc.authority import (
    Authority,
    Identity,
    fingerprint_of,
    new_authority,
    new_request,
)
from ganetid.node.rpc.client import Rejected, Unreachable
from ganetid.node.rpc.server import MASTER, Asked, Door
from ganetid.opcodes.errors import WRONG_STATE, OpExecError, OpPrereqError
from ganetid.roles.node import NodeHalf

Keep = Callable[[tuple[Change, ...]], Awaitable[None]]


@frozen
class Trust:
    """Authorities to trust from now on; PEM, the one that signs first."""

    authority: str


@frozen
class Certified:
    """A new certificate for the key whose request was just answered."""

    certificate: str


class RenewalDoors:
    """The node's part: it makes its own keys, which never leave it."""

    def __init__(self, half: NodeHalf) -> None:
        self._half = half
        self._key = ""

    def doors(self) -> dict[str, Door]:
        """What the master may ask."""
        return {
            "trust": Door(self._trust_door, MASTER),
            "request": Door(self._request_door, MASTER),
            "certificate": Door(self._certificate_door, MASTER),
        }

    async def trust(self, trust: Trust) -> None:
        """Trust these authorities."""
        await self._use(evolve(self._half.identity, authority=trust.authority))

    async def request(self) -> str:
        """A signing request for a new key."""
        self._key, request = await deferToThread(new_request, self._half.membership.name)
        return request

    async def certified(self, new: Certified) -> None:
        """Use the new key with its certificate."""
        identity = self._half.identity
        await self._use(Identity(new.certificate, self._key, identity.authority))

    async def _use(self, identity: Identity) -> None:
        await deferToThread(self._half.keys.write_identity, identity)
        await deferToThread(self._half.keys.write_for_qemu, identity)
        self._half.use_identity(identity)

    async def _trust_door(self, asked: Asked) -> bytes:
        await self.trust(msgspec.json.decode(asked.body, type=Trust))
        return b"{}"

    async def _request_door(self, asked: Asked) -> bytes:
        return (await self.request()).encode("ascii")

    async def _certificate_door(self, asked: Asked) -> bytes:
        await self.certified(msgspec.json.decode(asked.body, type=Certified))
        return b"{}"


@frozen
class Renewal:
    """The master's part."""

    half: NodeHalf
    cluster: Configuration
    fleet: Fleet
    own: RenewalDoors
    candidates_forget: Callable[[], Awaitable[Any]]

    async def renew(self, keep: Keep, log: Callable[[str], None]) -> None:
        """Do all of it.  Raises OpPrereqError when a node is away, OpExecError."""
        away = [node.name for node in self.fleet.remote() if not node.is_reachable]
        if away:
            raise OpPrereqError(
                f"Nodes {', '.join(away)} can't be reached: mark them offline, and add them again"
                " (ganetid-admin node add --readd) afterwards",
                WRONG_STATE,
            )
        now = dt.datetime.now(dt.UTC)
        new = await deferToThread(new_authority, self.cluster.cluster_name, now)
        old = self.half.keys.authority()
        assert old is not None
        try:
            await self._trust(Trust(new.certificate + old.certificate))
            log("All nodes trust the new authority")
            await self._certify_all(new, keep, now)
            log("All nodes have new certificates")
            await deferToThread(self.half.keys.write_authority, new)
            await self._trust(Trust(new.certificate))
        except (Unreachable, Rejected) as error:
            raise OpExecError(f"Not all nodes were reached: {error}; do this again") from error
        self.fleet.former.clear()
        await self.fleet.tell_all()
        await self.candidates_forget()

    async def _trust(self, trust: Trust) -> None:
        for node in self.fleet.remote():
            await node.client.send("trust", msgspec.json.encode(trust))
        await self.own.trust(trust)

    async def _certify_all(self, authority: Authority, keep: Keep, now: dt.datetime) -> None:
        """A node's new certificate is known to all others before the node shows it."""
        for node in self.fleet.remote():
            request = (await node.client.send("request")).body.decode("ascii")
            certificate = authority.sign(request, node.name, now)
            await self._announce(node.name, certificate, keep)
            await self._hand_over(node, certificate)
        own = self.half.membership.name
        certificate = authority.sign(await self.own.request(), own, now)
        await self._announce(own, certificate, keep)
        await self.own.certified(Certified(certificate))

    async def _hand_over(self, node: RemoteNode, certificate: str) -> None:
        await node.client.send("certificate", msgspec.json.encode(Certified(certificate)))

    async def _announce(self, name: str, certificate: str, keep: Keep) -> None:
        member = self.cluster.members[name]
        if member.fingerprint is not None:
            self.fleet.former[name] = member.fingerprint
        newer = evolve(
            member, fingerprint=fingerprint_of(certificate), serial_no=member.serial_no + 1
        )
        await keep((PutMember(newer),))
        told = await self.fleet.tell_all()
        missing = {node.name for node in self.fleet.remote()} - set(told)
        if missing:
            raise OpExecError(f"Nodes {', '.join(sorted(missing))} were lost; do this again")

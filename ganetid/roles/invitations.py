"""
The master lets machines join: the door they knock at, and the job that adds them.
"""

from __future__ import annotations

from typing import Any

from ganetid.jobs.queue import JobQueue, Order
from ganetid.node.membership import Membership, View
from ganetid.node.rpc.authority import Authority, fingerprint_of
from ganetid.node.rpc.joining import Invitation, Invitations, JoinDoor, Joining
from ganetid.node.rpc.server import Door
from ganetid.roles.node import NodeHalf


def invitations_of(half: NodeHalf) -> Invitations:
    """Where this daemon keeps its invitations."""
    return Invitations(half.directories.state / "invitations.json")


def join_door(half: NodeHalf, queue: JobQueue, membership: Membership, reactor: Any) -> Door:
    """The door for machines that hold a token."""

    def authority() -> Authority:
        found = half.keys.authority()
        assert found is not None, "a master has the CA's key"
        return found

    def view() -> View:
        assert membership.view is not None
        return membership.view

    async def admit(invitation: Invitation, joining: Joining, certificate: str) -> int:
        given = {
            "node_name": joining.name,
            "primary_ip": joining.address[0],
            "address": list(joining.address),
            "fingerprint": fingerprint_of(certificate),
            "readd": invitation.readd,
            "group": invitation.group,
        }
        return await queue.submit(Order((("OP_NODE_ADD", given),)))

    return JoinDoor(invitations_of(half), authority, view, admit, reactor.seconds).door()

"""
OP_CLUSTER_ACTIVATE_MASTER_IP, OP_CLUSTER_DEACTIVATE_MASTER_IP: the cluster's address by hand.
"""

from __future__ import annotations

from ganetid.cluster.address import place_of
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input, Opcode, Outcome
from ganetid.opcodes.errors import WRONG_STATE, OpPrereqError


async def activate(context: Context, given: Input) -> Outcome:
    """Bring it up on the master."""
    wanted = place_of(context.cluster.facts)
    if wanted is None:
        raise OpPrereqError("The cluster has no address: set master_ip", WRONG_STATE)
    if not given["dry_run"]:
        await context.nodes.own.hold_cluster_address(wanted)
    return Outcome()


async def deactivate(context: Context, given: Input) -> Outcome:
    """Take it away from the master, until it is activated or the master is another one."""
    if not given["dry_run"]:
        await context.nodes.own.release_cluster_address()
    return Outcome()


def _locks(given: Input) -> tuple[Lock, ...]:
    return (Lock("cluster", "address"),)


OPCODES = (
    Opcode("OP_CLUSTER_ACTIVATE_MASTER_IP", (), activate, activate, _locks),
    Opcode("OP_CLUSTER_DEACTIVATE_MASTER_IP", (), deactivate, deactivate, _locks),
)

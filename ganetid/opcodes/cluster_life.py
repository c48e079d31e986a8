"""
OP_CLUSTER_RENAME, OP_CLUSTER_DESTROY: another name for the cluster, and its end.

Source: Ganeti 3.0.2, LUClusterRename and LUClusterDestroy.  There is no address of the cluster's
own here that would move with its name.
"""

from __future__ import annotations

import re

from attrs import evolve

from ganetid.cluster.model import PutFacts
from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Opcode, Outcome
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.fields import text

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")


async def rename(context: Context, given: Input) -> Outcome:
    """The new name."""
    name, facts = given["name"], context.cluster.facts
    if not NAME.fullmatch(name):
        raise OpPrereqError(f"Invalid cluster name '{name}'", WRONG_INPUT)
    if name == context.cluster.cluster_name:
        raise OpPrereqError(
            "Neither the name nor the IP address of the cluster has changed", WRONG_INPUT
        )
    if given["dry_run"]:
        return Outcome()
    newer = evolve(facts, name=name, mtime=context.now(), serial_no=facts.serial_no + 1)
    return Outcome(name, (PutFacts(newer),))


async def destroy(context: Context, given: Input) -> Outcome:
    """
    The UUID of the node that was its master.

    After that the cluster takes no jobs, and no daemon takes it up again.  Its instances and other
    nodes have to be gone before; networks and the like go with the state directory.
    """
    cluster = context.cluster
    others = len(cluster.members) - 1
    if others:
        raise OpPrereqError(f"There are still {others} node(s) in this cluster.", WRONG_INPUT)
    left = len(cluster.everyone())
    if left:
        raise OpPrereqError(f"There are still {left} instance(s) in this cluster.", WRONG_INPUT)
    if given["dry_run"]:
        return Outcome()
    facts = cluster.facts
    drained = {**facts.params, "queue_drained": True}
    newer = evolve(facts, params=drained, destroyed=True, mtime=context.now())
    return Outcome(cluster.members[cluster.master].uuid, (PutFacts(newer),))


def _locks(given: Input) -> tuple[Lock, ...]:
    return (Lock("cluster", ""),)


OPCODES = (
    Opcode(
        "OP_CLUSTER_RENAME",
        (Field("name", text, REQUIRED),),
        rename,
        rename,
        _locks,
        described_by="name",
    ),
    Opcode("OP_CLUSTER_DESTROY", (), destroy, destroy, _locks),
)

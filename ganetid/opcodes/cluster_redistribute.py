"""
OP_CLUSTER_REDIST_CONF: every node gets again what it has of the configuration.
"""

from __future__ import annotations

from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input, Opcode, Outcome


async def redistribute(context: Context, given: Input) -> Outcome:
    """A node that can't be reached gets it when it is back: that is a line in the log."""
    if not given["dry_run"]:
        await context.nodes.distribution.redistribute(context.log)
    return Outcome()


OPCODES = (Opcode("OP_CLUSTER_REDIST_CONF", (), redistribute, redistribute, lambda given: ()),)

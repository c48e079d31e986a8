"""
OP_CLUSTER_RENEW_CRYPTO: new keys and certificates for node RPC.
"""

from __future__ import annotations

from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Field, Input, Opcode, Outcome, anything


async def renew(context: Context, given: Input) -> Outcome:
    """Renew them on all nodes.  After a crash it is done again from the start."""
    if given["dry_run"]:
        return Outcome()
    await context.nodes.outside.renew(context.keep, context.log)
    return Outcome()


OPCODES = (
    Opcode(
        op_id="OP_CLUSTER_RENEW_CRYPTO",
        fields=(
            Field("node_certificates", anything, True),
            Field("renew_ssh_keys", anything, False),
            Field("ssh_key_type", anything),
            Field("ssh_key_bits", anything),
            Field("verbose", anything, False),
            Field("debug", anything, False),
        ),
        run=renew,
        recover=renew,
        locks=lambda given: (Lock("cluster", "roles"),),
    ),
)

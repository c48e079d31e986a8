"""
OP_CLUSTER_VERIFY: jobs that look whether the cluster is as it should be.

Source: Ganeti 3.0.2, LUClusterVerify.
"""

from __future__ import annotations

from typing import Any

from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Field, Input, Opcode, Outcome, list_of, one_of, optional
from ganetid.opcodes.fields import boolean, text
from ganetid.opcodes.groups import group_named
from ganetid.opcodes.verify_group import N_PLUS_ONE
from ganetid.opcodes.verify_report import FIELDS, report

SHARED = ("debug_simulate_errors", "error_codes", "ignore_errors", "verbose")
OF_GROUPS = ("skip_checks", "verify_clutter")


async def verify(context: Context, given: Input) -> Outcome:
    """
    ``{"jobs": [[true, id], ...]}``: of the configuration, then of each group.

    Those of the groups wait for the first, however it ends.  With group_name there is just that.
    """
    report(context, given)
    names = sorted(context.cluster.groups)
    if given["group_name"]:
        names = [group_named(context.cluster, given["group_name"]).name]
    if given["dry_run"]:
        return Outcome()
    common: dict[str, Any] = {name: given[name] for name in SHARED}
    jobs: list[int] = []
    depends: list[Any] = []
    if not given["group_name"]:
        job = await context.submit((("OP_CLUSTER_VERIFY_CONFIG", common),), "config")
        jobs, depends = [job], [[job, []]]
    for name in names:
        wish = {
            **common, "group_name": name, "depends": depends or None,
            **{field: given[field] for field in OF_GROUPS},
        }  # fmt: skip
        jobs.append(await context.submit((("OP_CLUSTER_VERIFY_GROUP", wish),), f"group {name}"))
    return Outcome({"jobs": [[True, job] for job in jobs]})


OPCODES = (
    Opcode(
        op_id="OP_CLUSTER_VERIFY",
        fields=(
            *FIELDS,
            Field("skip_checks", list_of(one_of(N_PLUS_ONE)), []),
            Field("group_name", optional(text)),
            Field("verify_clutter", boolean, False),
        ),
        run=verify,
        recover=verify,
        locks=lambda given: (Lock("cluster", "", shared=True),),
    ),
)

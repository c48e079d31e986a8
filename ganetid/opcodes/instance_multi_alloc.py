"""
OP_INSTANCE_MULTI_ALLOC: places for many instances at once, and a job that creates each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ganetid.jobs.locks import Lock
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Field, Input, Opcode, Outcome
from ganetid.opcodes.definition import filled_input as filled
from ganetid.opcodes.errors import WRONG_INPUT, BadParameters, OpcodeError, OpPrereqError
from ganetid.opcodes.fields import boolean, list_of_dicts, optional, text
from ganetid.opcodes.iallocator import placed
from ganetid.opcodes.instance_create import OPCODES as CREATE
from ganetid.opcodes.instance_create import wanted_instance
from ganetid.opcodes.policy_check import require_allowed


async def allocate(context: Context, given: Input) -> Outcome:
    """``{allocatable: names, failed: names, jobs: [[true, id]]}``."""
    wanted = context.private.get("instances") or given["instances"]
    _check(wanted, given)
    places, failed = await _placed(context, wanted, given)
    if given["dry_run"]:
        return Outcome(list(places))
    await context.note({"places": places, "failed": failed})
    return await _submitted(context, wanted, places, failed)


async def recover(context: Context, given: Input) -> Outcome:
    """After a crash: with the places that were chosen; jobs that were made are found again."""
    if "places" not in context.made:
        return await allocate(context, given)
    wanted = context.private.get("instances") or given["instances"]
    return await _submitted(context, wanted, context.made["places"], context.made["failed"])


async def _submitted(
    context: Context,
    wanted: list[Mapping[str, Any]],
    places: Mapping[str, str],
    failed: list[str],
) -> Outcome:
    jobs: list[list[Any]] = []
    for each in wanted:
        name = str(each["instance_name"])
        if name in places:
            ops = (("OP_INSTANCE_CREATE", {**each, "pnode": places[name]}),)
            jobs.append([True, await context.submit(ops, name)])
    return Outcome({"allocatable": list(places), "failed": list(failed), "jobs": jobs})


def _check(wanted: list[Mapping[str, Any]], given: Input) -> None:
    names = Counter(str(each.get("instance_name")) for each in wanted)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise OpPrereqError(f"There are duplicate instance names: {', '.join(twice)}", WRONG_INPUT)
    if any(each.get("iallocator") for each in wanted):
        raise OpPrereqError("iallocator are not allowed to be set on instance objects", WRONG_INPUT)
    if len({bool(each.get("pnode")) for each in wanted}) > 1:
        raise OpPrereqError(
            "There are instance objects providing pnode/snode while others do not", WRONG_INPUT
        )


async def _placed(
    context: Context, wanted: list[Mapping[str, Any]], given: Input
) -> tuple[dict[str, str], list[str]]:
    """(name -> node of those that have a place, names of the others)."""
    places: dict[str, str] = {}
    failed: list[str] = []
    try:
        for each in wanted:
            try:
                complete = filled(CREATE[0], {**each, "iallocator": given["iallocator"]})
                instance = wanted_instance(context, await placed(context, complete))
                require_allowed(context, instance, complete["ignore_ipolicy"])
            except (OpcodeError, BadParameters) as error:
                failed.append(str(each.get("instance_name")))
                context.log(f" - WARNING: {failed[-1]}: {error.args[0]}")
                continue
            context.cluster.claim(instance)
            places[instance.name] = instance.primary_node
    finally:
        for name in places:
            context.cluster.release(name)
    return places, failed


def _locks(given: Input) -> tuple[Lock, ...]:
    """Names are kept from others by the jobs that it makes; places are chosen one at a time."""
    return (Lock("cluster", "placement"),)


OPCODES = (
    Opcode(
        op_id="OP_INSTANCE_MULTI_ALLOC",
        fields=(
            Field("opportunistic_locking", boolean, False),
            Field("iallocator", optional(text)),
            Field("instances", list_of_dicts, []),
        ),
        run=allocate,
        recover=recover,
        locks=_locks,
    ),
)

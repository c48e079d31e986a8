"""
OP_OOB_COMMAND and OP_NODE_POWERCYCLE: a node's power, by the program that its ndparams name.

The program gets a command and the node's name.  power-status writes ``{"powered": true}``, health
``[["item", "OK"], ...]``.  Source: Ganeti's design-oob; 3.0.2, lib/cmdlib/misc.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from twisted.internet import reactor

from ganetid.cluster.cluster_defaults import node_ndparams
from ganetid.cluster.model import Change, Member, PutMember
from ganetid.jobs.locks import Lock
from ganetid.node.programs import ProgramFailed, run
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Opcode, Outcome
from ganetid.opcodes.errors import (
    UNKNOWN_ENTITY,
    WRONG_INPUT,
    WRONG_STATE,
    OpExecError,
    OpPrereqError,
)
from ganetid.opcodes.fields import boolean, list_of_text, one_of, optional, positive, text

ON, OFF, CYCLE, STATUS, HEALTH = "power-on", "power-off", "power-cycle", "power-status", "health"
TIMEOUT_S = 60
NORMAL, NO_DATA = 0, 3  # statuses of cells of a result
HEALTH_WORDS = frozenset({"OK", "WARNING", "CRITICAL", "UNKNOWN"})
Cell = list[Any]


async def command(context: Context, given: Input) -> Outcome:
    """A row for each node: its name and what the program answered, each with a status."""
    wanted = str(given["command"])
    names = given["node_names"] or sorted(context.cluster.members)
    members = [_member(context, name) for name in names]
    for member in members:
        _refuse(context, given, member, wanted)
    if given["dry_run"]:
        return Outcome()
    rows: list[list[Cell]] = []
    changes: list[Change] = []
    for member in members:
        answer, powered = await _ask(context, member, wanted, float(given["timeout"]))
        rows.append([[NORMAL, member.name], answer])
        if powered is not None and powered != member.powered:
            serial_no = member.serial_no + 1
            newer = evolve(member, powered=powered, mtime=context.now(), serial_no=serial_no)
            changes.append(PutMember(newer))
    return Outcome(rows, tuple(changes))


async def powercycle(context: Context, given: Input) -> Outcome:
    """Have the node's power cut and given again."""
    member = _member(context, given["node_name"])
    if member.name == context.cluster.master and not given["force"]:
        raise OpPrereqError(
            "The node is the master and the force parameter was not set", WRONG_INPUT
        )
    if not _program(context, member):
        raise OpPrereqError(f"OOB is not supported for node {member.name}", WRONG_STATE)
    if given["dry_run"]:
        return Outcome()
    await _run(context, member, CYCLE, TIMEOUT_S)
    return Outcome("Reboot scheduled in 5 seconds")


async def recover(context: Context, given: Input) -> Outcome:
    """Nobody can tell whether the power was switched."""
    raise OpExecError("ganetid was interrupted; the power of nodes may have been switched")


def _refuse(context: Context, given: Input, member: Member, wanted: str) -> None:
    if not _program(context, member):
        raise OpPrereqError(f"OOB is not supported for node {member.name}", WRONG_STATE)
    if wanted in {OFF, CYCLE} and member.name == context.cluster.master:
        raise OpPrereqError(f"Operation not permitted on master node: {wanted}", WRONG_INPUT)
    if wanted == OFF and not member.offline and not given["ignore_status"]:
        raise OpPrereqError(
            f"Cannot power off node {member.name} because it is not marked offline", WRONG_STATE
        )


async def _ask(
    context: Context, member: Member, wanted: str, timeout_s: float
) -> tuple[Cell, bool | None]:
    """The cell of the answer, and whether the node has power now, if that is known."""
    try:
        output = await _run(context, member, wanted, timeout_s)
        if wanted in {ON, OFF}:
            return [NORMAL, None], wanted == ON
        if wanted == STATUS:
            answer = _status(output)
            return [NORMAL, answer], answer["powered"]
        return [NORMAL, _health(output) if wanted == HEALTH else None], None
    except (OpExecError, ValueError) as error:
        context.log(f"Out-of-band RPC failed on node '{member.name}': {error}")
        return [NO_DATA, None], None


def _status(output: str) -> dict[str, bool]:
    answer = json.loads(output)
    if not isinstance(answer, dict) or not isinstance(answer.get("powered"), bool):
        raise ValueError(f"{STATUS} has to answer whether the node is powered, not {output!r}")
    return answer


def _health(output: str) -> list[list[str]]:
    items = json.loads(output)
    if not isinstance(items, list) or not all(
        isinstance(each, list) and len(each) == 2 and each[1] in HEALTH_WORDS for each in items
    ):
        raise ValueError(f"{HEALTH} has to answer items with their states, not {output!r}")
    return items


def _program(context: Context, member: Member) -> str:
    group = context.cluster.groups[member.group]
    return str(node_ndparams(context.cluster.facts, group, member)["oob_program"])


async def _run(context: Context, member: Member, wanted: str, timeout_s: float) -> str:
    """What the program writes.  Raises OpExecError."""
    words = [_program(context, member), wanted, member.name]
    try:
        return (await run(reactor, words, timeout_s=timeout_s)).output
    except ProgramFailed as error:
        raise OpExecError(f"Out-of-band {wanted} of {member.name} failed: {error}") from error


def _member(context: Context, name: str) -> Member:
    member = context.cluster.members.get(name)
    if member is None:
        raise OpPrereqError(f"Node '{name}' not known", UNKNOWN_ENTITY)
    return member


def _locks(given: Input) -> tuple[Lock, ...]:
    """The nodes, exclusively."""
    names = given["node_names"]
    return tuple(Lock("node", name) for name in names) if names else (Lock("cluster", "roles"),)


OPCODES = (
    Opcode(
        "OP_OOB_COMMAND",
        (
            Field("node_names", list_of_text, []),
            Field("node_uuids", optional(list_of_text)),
            Field("command", one_of(ON, OFF, CYCLE, STATUS, HEALTH), REQUIRED),
            Field("timeout", positive, TIMEOUT_S),
            Field("ignore_status", boolean, False),
        ),
        command,
        recover,
        _locks,
    ),
    Opcode(
        "OP_NODE_POWERCYCLE",
        (
            Field("node_name", text, REQUIRED),
            Field("node_uuid", optional(text)),
            Field("force", boolean, False),
        ),
        powercycle,
        recover,
        lambda given: (Lock("node", str(given["node_name"])),),
        "node_name",
    ),
)

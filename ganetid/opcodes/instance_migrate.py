"""
OP_INSTANCE_MIGRATE and OP_INSTANCE_FAILOVER: an instance goes to another node of its storage.
"""

from __future__ import annotations

from attrs import evolve

from ganetid.cluster.model import ADMIN_UP, Instance
from ganetid.cluster.parameters import actual_beparams, actual_hvparams
from ganetid.hypervisor.journeys import MigrationSettings
from ganetid.node.interface import INode
from ganetid.opcodes import moves
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import (
    Field,
    Input,
    Outcome,
    anything,
    boolean,
    not_negative,
    one_of,
    optional,
    text,
)
from ganetid.opcodes.errors import WRONG_STATE, OpExecError, OpPrereqError
from ganetid.opcodes.iallocator import target_of
from ganetid.opcodes.instance_power import SHUTDOWN_TIMEOUT_S
from ganetid.opcodes.instances import found, instance_opcode
from ganetid.opcodes.moves import Move
from ganetid.placement.rooms import SHARED


async def migrate(context: Context, given: Input) -> Outcome:
    """Move the guest while it runs."""
    instance = found(context, given)
    _refuse_local(instance, "migrations")
    if given["cleanup"]:
        return await _clean_up(context, given, instance)
    source = context.node_of(instance)
    if await _needs_failover(context, given, instance, source):
        return await failover(context, {**given, "shutdown_timeout": SHUTDOWN_TIMEOUT_S,
                                        "ignore_consistency": False})  # fmt: skip
    target = await target_of(context, instance, given)
    move = Move(instance, source, context.nodes.named(target))
    if given["dry_run"]:
        return Outcome()
    context.log(f"Migrating instance {instance.name}")
    await moves.migrate(context, move, _settings(context, given, move))
    return Outcome(None, (move.moved(context.now()),))


async def recover_migrate(context: Context, given: Input) -> Outcome:
    """Ask both nodes where the guest is, and see to it that it runs once."""
    if "moves" not in context.made:
        raise OpExecError("ganetid was interrupted before anything was moved")
    instance = found(context, given)
    move = _noted(context, instance)
    if move.source.name == move.target.name or context.made.get("failover"):
        return await recover_failover(context, given)
    try:
        where = await moves.clean_up(context, move)
    finally:
        context.nodes.expected.discard((move.target.name, instance.name))
    if where == move.target.name:
        return Outcome(None, (move.moved(context.now()),))
    raise OpExecError(f"ganetid was interrupted; the guest runs on at {where}")


async def failover(context: Context, given: Input) -> Outcome:
    """Stop it, and start it on another node."""
    instance = found(context, given)
    _refuse_local(instance, "failovers")
    member = context.cluster.members.get(instance.primary_node)
    is_gone = member is None or member.offline
    target = await target_of(context, instance, given)
    if given["dry_run"]:
        return Outcome()
    goal = context.nodes.named(target)
    move = Move(instance, goal if is_gone else context.node_of(instance), goal)
    if is_gone:
        context.log(f"Node {instance.primary_node} is marked offline: its guests are dead")
    timeout_s = float(given["shutdown_timeout"])
    await moves.fail_over(context, move, timeout_s, is_gone)
    return Outcome()


async def recover_failover(context: Context, given: Input) -> Outcome:
    """Before its new place was durable it is done again; after that it is only started there."""
    instance = found(context, given)
    if "moves" not in context.made or instance.primary_node != context.made["target"]:
        return await failover(context, given)
    target = context.node_of(instance)
    if instance.admin_state == ADMIN_UP and not await target.is_running(instance):
        await target.start(context.actual(instance))
    return Outcome()


async def _clean_up(context: Context, given: Input, instance: Instance) -> Outcome:
    """Look for the guest on its own node and on all others, and settle where it belongs."""
    source = context.node_of(instance)
    for node in list(context.nodes):
        if node.name == source.name or not node.is_reachable:
            continue
        if await node.guest_state(instance) is None:
            continue
        move = Move(instance, source, node)
        if await moves.clean_up(context, move) == node.name:
            return Outcome(None, (move.moved(context.now()),))
    return Outcome()


async def _needs_failover(
    context: Context, given: Input, instance: Instance, source: INode
) -> bool:
    if actual_beparams(instance.beparams, context.cluster.facts)["always_failover"]:
        context.log("Instance configured to always failover; fallback to failover")
        return True
    if await source.is_running(instance):
        return False
    if not given["allow_failover"]:
        raise OpPrereqError("Can't migrate, please use failover", WRONG_STATE)
    context.log("Migration failed, because instance is not running; fallback to failover")
    return True


def _settings(context: Context, given: Input, move: Move) -> MigrationSettings:
    hvparams = actual_hvparams(move.instance, context.cluster.facts)
    settings = MigrationSettings.from_hvparams(hvparams, tls_host=move.target.name)
    mode = given["mode"] or ("non-live" if given["live"] is False else None)
    return settings if mode is None else evolve(settings, is_live=mode == "live")


def _noted(context: Context, instance: Instance) -> Move:
    nodes, made = context.nodes, context.made
    return Move(instance, nodes.named(made["source"]), nodes.named(made["target"]))


def _refuse_local(instance: Instance, what: str) -> None:
    if instance.disk_template not in SHARED:
        raise OpPrereqError(
            f"Instance's disk layout '{instance.disk_template}' does not allow {what}", WRONG_STATE
        )


PLACE = (
    Field("target_node", optional(text)),
    Field("target_node_uuid", optional(text)),
    Field("iallocator", optional(text)),
    Field("ignore_ipolicy", boolean, False),
)

OPCODES = (
    instance_opcode(
        "OP_INSTANCE_MIGRATE",
        migrate,
        Field("mode", optional(one_of("live", "non-live"))),
        Field("live", optional(boolean)),
        *PLACE,
        Field("cleanup", boolean, False),
        Field("allow_failover", boolean, False),
        Field("ignore_hvversions", boolean, False),
        Field("allow_runtime_changes", boolean, True),
        recover=recover_migrate,
    ),
    instance_opcode(
        "OP_INSTANCE_FAILOVER",
        failover,
        Field("shutdown_timeout", not_negative, SHUTDOWN_TIMEOUT_S),
        Field("ignore_consistency", boolean, False),
        *PLACE,
        Field("cleanup", anything, False),
        recover=recover_failover,
    ),
)

"""
How a guest goes from one node to another: the order of steps, and what to do when one fails.

At every instant at most one node may run the guest.  The notes of a move say which two nodes it is
about, so that whoever goes on after a crash asks both and never guesses.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ganetid.cluster.model import ADMIN_UP, Instance, PutInstance
from ganetid.hypervisor.journeys import Migrated, MigrationSettings
from ganetid.hypervisor.values import State
from ganetid.node.interface import INode
from ganetid.node.spares import found_spare
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import OpcodeError, OpExecError

SETTLE_TRIES = 3
COMING = frozenset({State.ARRIVED.value, State.ARRIVING.value})
HERE = frozenset({State.RUNNING.value, State.PAUSED.value, State.IO_ERROR.value})


@frozen
class Move:
    """An instance, the node that it leaves, and the one that it goes to."""

    instance: Instance
    source: INode
    target: INode

    @property
    def notes(self) -> dict[str, str]:
        """For whoever goes on after a crash; `moving_from` reads it."""
        return {
            "moves": self.instance.name,
            "source": self.source.name,
            "target": self.target.name,
        }

    def moved(self, now: float) -> PutInstance:
        """The instance as it is configured after that."""
        instance = self.instance
        return PutInstance(
            evolve(
                instance,
                primary_node=self.target.name,
                mtime=now,
                serial_no=instance.serial_no + 1,
            )
        )


async def migrate(context: Context, move: Move, settings: MigrationSettings) -> Migrated:
    """
    Send a running guest to the target; it runs there when this returns.

    When it raises, it runs on at the source, or the error says where it has to be looked for.
    """
    instance = context.actual(move.instance)
    expected = (move.target.name, instance.name)
    context.nodes.expected.add(expected)
    try:
        await context.note(move.notes)
        uri = await _prepare(context, move, instance)
        context.log("* starting memory transfer")
        try:
            migrated = await move.source.migrate(instance, uri, settings)
        except OpcodeError as error:
            context.log(f"* memory transfer failed: {error.args[0]}")
            if await clean_up(context, move) != move.target.name:
                raise OpExecError(
                    f"Could not migrate instance {instance.name}: {error.args[0]}"
                ) from error
            return Migrated(0, 0, 0, 0)  # it had left, and only the answer was lost
        context.log("* memory transfer complete")
        await _arrive(context, move, instance, migrated.was_running)
    finally:
        context.nodes.expected.discard(expected)
    context.log(f"* the guest was paused for {migrated.downtime_ms} ms")
    return migrated


async def _prepare(context: Context, move: Move, instance: Instance) -> str:
    """Everything at the target, before the source lets go; the uri."""
    context.log(f"* preparing {move.target.name} to accept the instance")
    try:
        await copy_config_drive(context, move)
        shape = await move.source.shape(instance)
        uri: str = await move.target.expect_guest(instance, shape)
    except OpcodeError as error:
        await _call_off(context, move, instance)
        raise OpExecError(f"Pre-migration failed, aborting: {error.args[0]}") from error
    return uri


async def _arrive(context: Context, move: Move, instance: Instance, run: bool) -> None:
    """The source has let go: from here on only the target may run it."""
    try:
        await move.target.settle(instance, run)
    except OpcodeError as error:
        await _decide(context, move, instance, error)
    await _leave(context, move, instance)


async def _decide(context: Context, move: Move, instance: Instance, why: OpcodeError) -> None:
    """
    The target did not answer, or can't run the guest; back to the source if that is safe.

    That is safe when the target has answered that nothing of the guest is left, or is dead.
    """
    for _ in range(SETTLE_TRIES):
        state = await state_of(context, move.target.name, instance)
        if state in HERE:
            return
        if state not in COMING:
            break
        target = context.nodes.named(move.target.name)
        try:
            await target.settle(instance, True)
        except OpcodeError as error:
            context.log(f"{target.name}: {error.args[0]}")
        else:
            return
    if move.target.name not in context.nodes.offline:
        target = context.nodes.named(move.target.name)
        await target.abort(instance)
        await target.forget_guest(instance)
    await context.nodes.named(move.source.name).abort(instance)
    raise OpExecError(
        f"Instance {instance.name} could not go on at {move.target.name} and runs on at"
        f" {move.source.name}: {why.args[0]}"
    )


async def state_of(context: Context, name: str, instance: Instance) -> str | None:
    """
    What a node says of the guest; nothing (None) of one that is marked offline.

    A node that is away is waited for: nobody else knows.  Raises OpcodeError when this daemon ends.
    """
    has_complained = False
    while name not in context.nodes.offline:
        node = context.nodes.named(name)
        try:
            state: str | None = await node.guest_state(instance)
        except OpcodeError:
            if context.nodes.get(name) is node and node.is_reachable:
                raise
            if not has_complained:
                has_complained = True
                context.log(f"Waiting for node {name} to be back, or to be marked offline")
        else:
            return state
    return None


async def _leave(context: Context, move: Move, instance: Instance) -> None:
    """What is left at the source goes; it is not worth a failure, for the guest has moved."""
    try:
        await move.source.settle(instance, True)
        await move.source.forget_guest(instance)
        await move.target.own_disks(instance)
    except OpcodeError as error:
        context.log(f"Something is left on {move.source.name}: {error.args[0]}")


async def _call_off(context: Context, move: Move, instance: Instance) -> None:
    """Before the source has let go: end what is at the target, the guest runs on."""
    for what, undo in (
        ("the target", move.target.abort),
        ("the target", move.target.forget_guest),
        ("the source", move.source.abort),
    ):
        try:
            await undo(instance)
        except OpcodeError as error:
            context.log(f"Could not clean up {what}: {error.args[0]}")


async def clean_up(context: Context, move: Move) -> str:
    """
    After a migration that was interrupted: the guest runs once; the name of the node where.

    Raises OpExecError when it runs nowhere, or when a node can't be asked.
    """
    instance = context.actual(move.instance)
    at_source = await state_of(context, move.source.name, instance)
    at_target = await state_of(context, move.target.name, instance)
    context.log(f"* {move.source.name}: {at_source or 'nothing'}, {move.target.name}:"
                f" {at_target or 'nothing'}")  # fmt: skip
    if at_source in HERE and at_target in HERE:
        raise OpExecError(
            f"Instance {instance.name} runs on both {move.source.name} and {move.target.name}:"
            " end one of them by hand, and do this again"
        )
    if at_target in HERE:
        await _leave(context, move, instance)
        return str(move.target.name)
    has_left = at_source == State.LEFT.value and at_target in COMING
    if has_left or (at_source is None and at_target == State.ARRIVED.value):
        if has_left:
            await _let_go(context, move, instance)
        await _arrive(context, move, instance, run=True)
        return str(move.target.name)
    await _call_off(context, move, instance)
    if at_source is None:
        raise OpExecError(f"Instance {instance.name} runs on neither node; start it again")
    return str(move.source.name)


async def _let_go(context: Context, move: Move, instance: Instance) -> None:
    """The guest has left, but its disks may not have been handed over: that is done again."""
    try:
        await move.source.migrate(instance, "", MigrationSettings())
    except OpcodeError as error:
        context.log(f"{move.source.name}: {error.args[0]}")  # then the target says so, too


async def copy_config_drive(context: Context, move: Move) -> None:
    """Bring the config drive to the target, if there is one."""
    if not move.instance.config_drive:
        return
    content = await move.source.read_config_drive(move.instance)
    if content is None:
        context.log("The config drive is not on its node any more")
    else:
        await move.target.write_config_image(move.instance, content)


async def fail_over(context: Context, move: Move, timeout_s: float, source_is_gone: bool) -> None:
    """
    Stop the instance and start it on the target, if it should run.

    source_is_gone: the node is marked offline: nothing is asked of it, and all its guests are dead.
    """
    instance = context.actual(move.instance)
    if not source_is_gone:
        context.log(f"* shutting down instance on source node {move.source.name}")
        try:
            await move.source.stop(instance, timeout_s)
            await copy_config_drive(context, move)
        except OpcodeError as error:
            raise OpExecError(
                f"Could not shutdown instance {instance.name} on node {move.source.name}:"
                f" {error.args[0]}; mark the node offline if it is down for certain"
            ) from error
    if not await _has_drive(context, move):
        context.log(
            f"The config drive was on node {instance.primary_node} only, and is lost:"
            " the instance goes on without it"
        )
        move = evolve(move, instance=evolve(move.instance, config_drive=False))
        instance = evolve(instance, config_drive=False)
    await context.note({**move.notes, "failover": True})
    await context.keep((move.moved(context.now()),))
    if not source_is_gone:
        await _leave_stopped(context, move, instance)
    if instance.admin_state == ADMIN_UP:
        context.log(f"* activating the instance's disks and starting it on {move.target.name}")
        if not await move.target.is_running(instance):
            await move.target.start(evolve(instance, primary_node=move.target.name))


async def _has_drive(context: Context, move: Move) -> bool:
    """
    Whether the target has all the config drive that the instance needs.

    One that could not be copied from its node comes from a node with a spare.
    """
    instance = move.instance
    if not instance.config_drive or await move.target.read_config_drive(instance) is not None:
        return True
    content = await found_spare(context.nodes, instance)
    if content is None:
        return False
    await move.target.write_config_image(instance, content)
    return True


async def _leave_stopped(context: Context, move: Move, instance: Instance) -> None:
    try:
        await move.source.forget_guest(instance)
    except OpcodeError as error:
        context.log(f"Something is left on {move.source.name}: {error.args[0]}")

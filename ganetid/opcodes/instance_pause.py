"""
OP_INSTANCE_PAUSE, _UNPAUSE, _SUSPEND, _RESUME, _NMI, _PASSWORD: what Ganeti has not.

A paused guest keeps its memory and its place, so for Ganeti it runs.  One that was suspended has
its memory in a file of its node, and is marked to be down.  Started, or given other disks, it
begins anew: what a guest remembers of its disks must be so.
"""

from __future__ import annotations

from ganetid.cluster.model import ADMIN_DOWN, ADMIN_UP, SOURCE_ADMIN, Instance
from ganetid.hypervisor.values import State
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome, text
from ganetid.opcodes.errors import WRONG_STATE, OpExecError, OpPrereqError
from ganetid.opcodes.instances import changed, found, instance_opcode, require_state

HERE = frozenset({State.RUNNING, State.PAUSED, State.IO_ERROR, State.CRASHED})


async def pause(context: Context, given: Input) -> Outcome:
    """Stop the guest's processors."""
    instance = await _there(context, given)
    if not given["dry_run"]:
        await context.node_of(instance).pause(instance)
    return Outcome()


async def unpause(context: Context, given: Input) -> Outcome:
    """Let it go on."""
    instance = await _there(context, given)
    if not given["dry_run"]:
        await context.node_of(instance).unpause(instance)
    return Outcome()


async def interrupt(context: Context, given: Input) -> Outcome:
    """Have it get an interrupt that can't be masked."""
    instance = await _there(context, given)
    if not given["dry_run"]:
        await context.node_of(instance).interrupt(instance)
    return Outcome()


async def recover_interrupt(context: Context, given: Input) -> Outcome:
    """Nobody can tell whether it got one; another would do harm."""
    raise OpExecError("ganetid was interrupted; the guest may have got its interrupt")


async def suspend(context: Context, given: Input) -> Outcome:
    """Put the guest to sleep, and take its place from it."""
    instance = found(context, given)
    require_state(instance, (ADMIN_UP,), "can't be suspended")
    if given["dry_run"]:
        return Outcome()
    await context.node_of(instance).suspend(instance)
    return _marked(context, instance, ADMIN_DOWN, instance.primary_node)


async def resume(context: Context, given: Input) -> Outcome:
    """Let it go on where it was."""
    instance = found(context, given)
    node = context.node_of(instance)
    is_awake = await node.guest_state(instance) in HERE
    is_here = instance.memory_on == instance.primary_node and await node.sleeps(instance)
    if not is_awake and not is_here:
        raise OpPrereqError(f"Instance {instance.name} is not suspended", WRONG_STATE)
    if given["dry_run"]:
        return Outcome()
    await node.wake(context.actual(instance))
    return _marked(context, instance, ADMIN_UP)


async def set_password(context: Context, given: Input) -> Outcome:
    """Have the guest's agent change a user's password."""
    instance = await _there(context, given)
    if not given["dry_run"]:
        password = str(context.private["password"])
        await context.node_of(instance).set_password(instance, given["user"], password)
    return Outcome()


async def _there(context: Context, given: Input) -> Instance:
    """The instance, whose guest is there.  Raises OpPrereqError."""
    instance = found(context, given)
    if await context.node_of(instance).guest_state(instance) not in HERE:
        raise OpPrereqError(f"Instance {instance.name} is not running", WRONG_STATE)
    return context.actual(instance)


def _marked(context: Context, instance: Instance, state: str, memory_on: str = "") -> Outcome:
    fields = {"admin_state": state, "admin_state_source": SOURCE_ADMIN, "memory_on": memory_on}
    return Outcome(None, changed(instance, context.now(), **fields))


OPCODES = (
    instance_opcode("OP_INSTANCE_PAUSE", pause),
    instance_opcode("OP_INSTANCE_UNPAUSE", unpause),
    instance_opcode("OP_INSTANCE_NMI", interrupt, recover=recover_interrupt),
    instance_opcode("OP_INSTANCE_SUSPEND", suspend),
    instance_opcode("OP_INSTANCE_RESUME", resume),
    instance_opcode(
        "OP_INSTANCE_PASSWORD",
        set_password,
        Field("user", text, REQUIRED),
        Field("password", text, REQUIRED),
    ),
)

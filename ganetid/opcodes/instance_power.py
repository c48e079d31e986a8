"""
OP_INSTANCE_STARTUP, OP_INSTANCE_SHUTDOWN, OP_INSTANCE_REBOOT.
"""

from __future__ import annotations

from ganetid.cluster.model import ADMIN_DOWN, ADMIN_UP, SOURCE_ADMIN, Instance
from ganetid.hypervisor.values import State
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
)
from ganetid.opcodes.errors import OpExecError
from ganetid.opcodes.instances import changed, found, instance_opcode, require_state

ONLINE = (ADMIN_DOWN, ADMIN_UP)
NOT_ONLINE = "can't use instance from outside down, up states"
SHUTDOWN_TIMEOUT_S = 120  # Ganeti's DEFAULT_SHUTDOWN_TIMEOUT


async def start(context: Context, given: Input) -> Outcome:
    """Start the guest; one that runs already is left alone, one that is paused goes on."""
    instance = found(context, given)
    require_state(instance, ONLINE, NOT_ONLINE)
    if given["dry_run"]:
        return Outcome()
    await _begin(context, instance)
    return _ended(context, given, instance, ADMIN_UP)


async def shut_down(context: Context, given: Input) -> Outcome:
    """Ask the guest to go, end it after the timeout; one that is off already is left alone."""
    instance = found(context, given)
    if not given["force"]:
        require_state(instance, ONLINE, NOT_ONLINE)
    if given["dry_run"]:
        return Outcome()
    await _stop(context, instance, int(given["timeout"]))
    return _ended(context, given, instance, ADMIN_DOWN)


async def reboot(context: Context, given: Input) -> Outcome:
    """
    soft: the guest reboots itself, is reset when it has not after the timeout.
    hard: reset, as by the button.  full: a new QEMU, so that changed parameters count.
    A guest that is off is started.
    """
    instance = found(context, given)
    require_state(instance, ONLINE, NOT_ONLINE)
    if given["dry_run"]:
        return Outcome()
    was_off = await _begin(context, instance)
    if not was_off:
        await _again(context, instance, given["reboot_type"], int(given["shutdown_timeout"]))
    return _ended(context, {"no_remember": False}, instance, ADMIN_UP)


async def _again(context: Context, instance: Instance, kind: str, timeout_s: int) -> None:
    node = context.node_of(instance)
    if kind == "full":
        await _stop(context, instance, timeout_s)
        await node.start(context.actual(instance))
    elif kind == "soft" and timeout_s > 0:
        if not await node.reboot_softly(instance, timeout_s):
            context.log(f"The guest did not reboot within {timeout_s} s and was reset")
    else:
        await node.reset(instance)


async def recover_reboot(context: Context, given: Input) -> Outcome:
    """A guest that is off is started; of one that runs nobody can tell whether it rebooted."""
    instance = found(context, given)
    if not await context.node_of(instance).is_running(instance):
        return await reboot(context, given)
    raise OpExecError("ganetid was interrupted; the guest runs, but it may not have rebooted")


async def _begin(context: Context, instance: Instance) -> bool:
    """Have it run; whether it was off before."""
    node = context.node_of(instance)
    if await node.is_running(instance):
        return False
    if await node.guest_state(instance) == State.PAUSED:
        await node.unpause(instance)
        return False
    await node.start(context.actual(instance))
    return True


async def _stop(context: Context, instance: Instance, timeout_s: int) -> None:
    if not await context.node_of(instance).stop(instance, timeout_s):
        context.log(f"The guest did not shut down within {timeout_s} s and was ended")


def _ended(context: Context, given: Input, instance: Instance, state: str) -> Outcome:
    fields = (
        {} if given["no_remember"] else {"admin_state": state, "admin_state_source": SOURCE_ADMIN}
    )
    if state == ADMIN_UP:
        fields["memory_on"] = ""
    return Outcome(None, changed(instance, context.now(), **fields))


# Startup and shutdown look at the guest before they act, so after a crash they are done again.
OPCODES = (
    instance_opcode(
        "OP_INSTANCE_STARTUP",
        start,
        Field("force", boolean, False),
        Field("no_remember", boolean, False),
        Field("ignore_offline_nodes", anything, False),
        Field("hvparams", anything, {}),
        Field("beparams", anything, {}),
        Field("startup_paused", anything, False),
        Field("shutdown_timeout", not_negative, SHUTDOWN_TIMEOUT_S),
    ),
    instance_opcode(
        "OP_INSTANCE_SHUTDOWN",
        shut_down,
        Field("timeout", not_negative, SHUTDOWN_TIMEOUT_S),
        Field("force", boolean, False),
        Field("no_remember", boolean, False),
        Field("ignore_offline_nodes", anything, False),
        Field("admin_state_source", optional(one_of("admin", "user")), "admin"),
    ),
    instance_opcode(
        "OP_INSTANCE_REBOOT",
        reboot,
        Field("reboot_type", one_of("soft", "hard", "full"), "hard"),
        Field("shutdown_timeout", not_negative, SHUTDOWN_TIMEOUT_S),
        Field("ignore_secondaries", anything, False),
        recover=recover_reboot,
    ),
)

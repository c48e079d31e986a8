"""
What we believe of a server once told.  Pure: row and news in, row and follow-up out.
"""

from __future__ import annotations

from enum import Enum

from attrs import evolve, frozen

from synnefo_tx.compute.rules.states import NO_STATE, PAUSED, RUNNING, SHUT_DOWN, SUSPENDED
from synnefo_tx.update.messages import FINAL, News, error_code, error_text

STATE_AFTER = {
    "OP_INSTANCE_CREATE": ("active", RUNNING),
    "OP_INSTANCE_STARTUP": ("active", RUNNING),
    "OP_INSTANCE_REBOOT": ("active", RUNNING),
    "OP_INSTANCE_SHUTDOWN": ("stopped", SHUT_DOWN),
    "OP_INSTANCE_PAUSE": ("paused", PAUSED),
    "OP_INSTANCE_UNPAUSE": ("active", RUNNING),
    "OP_INSTANCE_SUSPEND": ("suspended", SUSPENDED),
    "OP_INSTANCE_RESUME": ("active", RUNNING),
}
TASKS_OF = {
    "OP_INSTANCE_CREATE": {"scheduling", "networking", "spawning", "unshelving"},
    "OP_INSTANCE_STARTUP": {"powering-on"},
    "OP_INSTANCE_REBOOT": {
        "rebooting",
        "reboot_pending",
        "reboot_started",
        "rebooting_hard",
        "reboot_pending_hard",
        "reboot_started_hard",
    },
    "OP_INSTANCE_SHUTDOWN": {"powering-off"},
    "OP_INSTANCE_PAUSE": {"pausing"},
    "OP_INSTANCE_UNPAUSE": {"unpausing"},
    "OP_INSTANCE_SUSPEND": {"suspending"},
    "OP_INSTANCE_RESUME": {"resuming"},
    "OP_INSTANCE_REMOVE": {"deleting"},
}


class FollowUp(Enum):
    """
    What else the news means.
    """

    NOTHING = "nothing"
    BUILT = "built"
    NEVER_BUILT = "never built"
    GONE = "gone"
    TASK_FAILED = "task failed"


@frozen
class Known:
    """
    A server as far as news can change it.  as_of: microseconds.
    """

    vm_state: str
    task_state: str | None
    power_state: int
    as_of: int


@frozen
class Verdict:
    """
    The state to keep and what follows; `message` is for the user when something failed.
    """

    known: Known
    follow_up: FollowUp = FollowUp.NOTHING
    message: str = ""


def after(known: Known, told: News) -> Verdict:
    """
    What we believe once told.  Old or repeated news changes nothing.
    """
    if told.at_us <= known.as_of or told.status not in FINAL:
        return Verdict(_under_way(known, told))
    told_of = evolve(known, as_of=told.at_us)
    if told.status == "success":
        return _succeeded(told_of, told)
    return _failed(told_of, told)


def _under_way(known: Known, told: News) -> Known:
    starts = told.operation == "OP_INSTANCE_CREATE" and told.status == "running"
    if starts and known.task_state == "scheduling" and told.at_us > known.as_of:
        return evolve(known, task_state="spawning")
    return known


def _succeeded(known: Known, told: News) -> Verdict:
    if told.operation == "OP_INSTANCE_REMOVE":
        if known.task_state == "shelving":  # it will come again
            return Verdict(evolve(known, power_state=NO_STATE))
        return Verdict(known, FollowUp.GONE)
    change = STATE_AFTER.get(told.operation)
    if change is None:
        return Verdict(known)
    vm_state, power_state = change
    built = FollowUp.BUILT if told.operation == "OP_INSTANCE_CREATE" else FollowUp.NOTHING
    if known.vm_state == "error" and told.operation != "OP_INSTANCE_CREATE":
        vm_state = "error" if told.operation == "OP_INSTANCE_SHUTDOWN" else vm_state
    return Verdict(
        evolve(
            known,
            vm_state=vm_state,
            power_state=power_state,
            task_state=_task_left(known.task_state, told.operation),
        ),
        built,
    )


def _failed(known: Known, told: News) -> Verdict:
    message = error_text(told.result) if told.status == "error" else "The job was cancelled."
    if told.operation == "OP_INSTANCE_CREATE" and known.task_state != "unshelving":
        left = _task_left(known.task_state, told.operation)
        return Verdict(
            evolve(known, vm_state="error", task_state=left, power_state=NO_STATE),
            FollowUp.NEVER_BUILT,
            message,
        )
    if told.operation == "OP_INSTANCE_REMOVE" and error_code(told.result) == "unknown_entity":
        return Verdict(known, FollowUp.GONE)
    if told.operation not in TASKS_OF:
        return Verdict(known)
    left = _task_left(known.task_state, told.operation)
    vm_state = "error" if told.operation == "OP_INSTANCE_REMOVE" else known.vm_state
    return Verdict(evolve(known, vm_state=vm_state, task_state=left), FollowUp.TASK_FAILED, message)


def _task_left(task: str | None, operation: str) -> str | None:
    return None if task in TASKS_OF[operation] else task

"""
What we believe of a server once told.  Pure: row and news in, row and follow-up out.
"""

from __future__ import annotations

from enum import Enum

from attrs import evolve, frozen

from synnefo_tx.compute.rules.states import NO_STATE, PAUSED, RUNNING, SHUT_DOWN, SUSPENDED
from synnefo_tx.update.messages import FINAL, News, error_code

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


class FollowUp(Enum):
    """
    What else the news means.
    """

    NOTHING = "nothing"
    BUILT = "built"
    GONE = "gone"


@frozen
class Known:
    """
    A server as far as news can change it, and the task_state, which they don't.  as_of:
    microseconds.
    """

    vm_state: str
    task_state: str | None
    power_state: int
    as_of: int


@frozen
class Verdict:
    """
    The state to keep and what follows.
    """

    known: Known
    follow_up: FollowUp = FollowUp.NOTHING


def after(known: Known, told: News) -> Verdict:
    """
    What we believe once told, whoever asked for it.  Old or repeated news changes nothing, and a
    failure nothing but that it is known: what it means is the affair of the task whose job it was.
    """
    if told.at_us <= known.as_of or told.status not in FINAL:
        return Verdict(known)
    told_of = evolve(known, as_of=told.at_us)
    if told.operation == "OP_INSTANCE_REMOVE":
        is_gone = told.status == "success" or error_code(told.result) == "unknown_entity"
        if is_gone and known.task_state == "shelving":  # it will come again
            return Verdict(evolve(told_of, power_state=NO_STATE))
        return Verdict(told_of, FollowUp.GONE if is_gone else FollowUp.NOTHING)
    if told.status != "success" or told.operation not in STATE_AFTER:
        return Verdict(told_of)
    vm_state, power_state = STATE_AFTER[told.operation]
    if known.vm_state == "error" and told.operation == "OP_INSTANCE_SHUTDOWN":
        vm_state = "error"
    is_built = told.operation == "OP_INSTANCE_CREATE"
    return Verdict(
        evolve(told_of, vm_state=vm_state, power_state=power_state),
        FollowUp.BUILT if is_built else FollowUp.NOTHING,
    )

"""
From QEMU's words for a guest's state to ours.

Source: QEMU 7.2, qapi/run-state.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from ganetid.hypervisor.values import State

_STATES: Mapping[str, State] = {
    "running": State.RUNNING,
    "paused": State.PAUSED,
    "debug": State.PAUSED,
    "suspended": State.PAUSED,
    "shutdown": State.PAUSED,
    "watchdog": State.PAUSED,
    "internal-error": State.CRASHED,
    "guest-panicked": State.CRASHED,
    "io-error": State.IO_ERROR,
    "colo": State.RUNNING,
    "inmigrate": State.ARRIVING,
    "postmigrate": State.LEFT,
}


def state_of(status: str, is_destination: bool) -> State | None:
    """
    The state; None for words that tell of something short, after which there will be another,
    such as prelaunch: QEMU waits for the first order to let the guest go.

    is_destination: the guest came from another node and was not yet let go on.
    """
    state = _STATES.get(status)
    if is_destination and state is State.PAUSED:
        return State.ARRIVED
    return state

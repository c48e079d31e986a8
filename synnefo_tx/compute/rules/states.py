"""
Nova's states: what a user is shown, and what may be asked of a server in which state.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from synnefo_tx.compute.errors import InvalidState

_SHOWN: dict[str, dict[str | None, str]] = {
    "active": {
        None: "ACTIVE",
        "rebooting": "REBOOT",
        "reboot_pending": "REBOOT",
        "reboot_started": "REBOOT",
        "rebooting_hard": "HARD_REBOOT",
        "reboot_pending_hard": "HARD_REBOOT",
        "reboot_started_hard": "HARD_REBOOT",
    },
    "building": {None: "BUILD"},
    "stopped": {None: "SHUTOFF"},
    "error": {None: "ERROR"},
    "deleted": {None: "DELETED"},
}
# Statuses that Nova knows and no server here can have yet: a filter on one is valid, and empty.
_UNUSED = {
    "migrating",
    "password",
    "paused",
    "rebuild",
    "rescue",
    "resize",
    "revert_resize",
    "shelved",
    "shelved_offloaded",
    "soft_deleted",
    "suspended",
    "verify_resize",
}


def status(vm_state: str, task_state: str | None) -> str:
    """
    The status that a user is shown.
    """
    shown = _SHOWN.get(vm_state)
    if shown is None:
        return "UNKNOWN"
    return shown.get(task_state, shown[None])


def is_status(text: str) -> bool:
    """
    Whether Nova has a status of this name, in any case.
    """
    known = {name for shown in _SHOWN.values() for name in shown.values()}
    return text.upper() in known or text.lower() in _UNUSED


@frozen
class StateFilter:
    """
    Servers in `vm_state`, with one of `tasks`, or, when `others` is true, with none of them.
    """

    vm_state: str
    tasks: tuple[str, ...]
    others: bool


def filters_of(statuses: Iterable[str]) -> list[StateFilter]:
    """
    Which states are shown as one of these statuses.
    """
    wanted = {text.upper() for text in statuses}
    found = []
    for vm_state, shown in _SHOWN.items():
        special = tuple(task for task in shown if task is not None)
        if shown[None] in wanted:
            apart = tuple(task for task in special if shown[task] not in wanted)
            found.append(StateFilter(vm_state, apart, others=True))
        else:
            tasks = tuple(task for task in special if shown[task] in wanted)
            if tasks:
                found.append(StateFilter(vm_state, tasks, others=False))
    return found


@frozen
class Action:
    """
    What may be asked of a server: in which states, and the task_state that follows.
    """

    name: str
    vm_states: frozenset[str]
    task_state: str
    over_tasks: frozenset[str] = frozenset()


_REBOOTS = frozenset({"rebooting", "reboot_pending", "reboot_started"})
START = Action("start", frozenset({"stopped"}), "powering-on")
STOP = Action("stop", frozenset({"active", "error"}), "powering-off")
REBOOT_SOFT = Action("reboot", frozenset({"active"}), "rebooting")
REBOOT_HARD = Action(
    "reboot", frozenset({"active", "stopped", "error"}), "rebooting_hard", _REBOOTS
)


def check(action: Action, server: Any) -> None:
    """
    Raises InvalidState when `server` can't take `action` now.
    """
    if server.vm_state not in action.vm_states:
        raise InvalidState(action.name, server.id, "vm_state", server.vm_state)
    if server.task_state is not None and server.task_state not in action.over_tasks:
        raise InvalidState(action.name, server.id, "task_state", server.task_state)
    if server.launched_at is None:
        raise InvalidState(action.name, server.id, "launched_at", None)

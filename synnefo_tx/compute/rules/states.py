"""
Nova's states: what a user is shown, and what may be asked of a server in which state.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from synnefo_tx.compute.errors import InstanceLocked, InvalidState

NO_STATE, RUNNING, PAUSED, SHUT_DOWN, SUSPENDED = 0, 1, 3, 4, 7  # Nova's power states
_Shown = dict[str | None, str]
_REBOOTING: _Shown = {
    **dict.fromkeys(("rebooting", "reboot_pending", "reboot_started"), "REBOOT"),
    **dict.fromkeys(
        ("rebooting_hard", "reboot_pending_hard", "reboot_started_hard"), "HARD_REBOOT"
    ),
}
_REBUILDING: _Shown = dict.fromkeys(
    ("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), "REBUILD"
)
_RESIZING: _Shown = dict.fromkeys(
    ("resize_prep", "resize_migrating", "resize_migrated", "resize_finish"), "RESIZE"
)
_MIGRATING: _Shown = {"migrating": "MIGRATING"}
_SHOWN: dict[str, _Shown] = {
    "active": {
        None: "ACTIVE",
        **_REBOOTING,
        "updating_password": "PASSWORD",
        **_REBUILDING,
        **_MIGRATING,
        **_RESIZING,
    },
    "building": {None: "BUILD"},
    "stopped": {None: "SHUTOFF", **_RESIZING, **_REBUILDING},
    "resized": {None: "VERIFY_RESIZE", "resize_reverting": "REVERT_RESIZE"},
    "paused": {None: "PAUSED", **_MIGRATING},
    "suspended": {None: "SUSPENDED"},
    "rescued": {None: "RESCUE"},
    "error": {None: "ERROR", **_REBUILDING},
    "deleted": {None: "DELETED"},
    "soft-delete": {None: "SOFT_DELETED"},
    "shelved": {None: "SHELVED"},
    "shelved_offloaded": {None: "SHELVED_OFFLOADED"},
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
    return any(text.upper() in shown.values() for shown in _SHOWN.values())


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

    vm_states: None for any.  over_tasks: tasks that it may interrupt; None for any.  must_have_run:
    not for a server that never came to run.  over_lock: though the server is locked.
    """

    name: str
    vm_states: frozenset[str] | None
    task_state: str
    over_tasks: frozenset[str] | None = frozenset()
    must_have_run: bool = True
    over_lock: bool = False


def _of(name: str, vm_states: str, task_state: str, over_lock: bool = False) -> Action:
    return Action(name, frozenset(vm_states.split()), task_state, over_lock=over_lock)


_AT_REST = "active stopped paused suspended"
START = _of("start", "stopped", "powering-on")
STOP = _of("stop", "active error", "powering-off")
REBOOT_SOFT = _of("reboot", "active", "rebooting")
REBOOT_HARD = Action(
    "reboot",
    frozenset({"active", "stopped", "paused", "suspended", "error"}),
    "rebooting_hard",
    frozenset({"rebooting", "reboot_pending", "reboot_started", "rebooting_hard"})
    | {"resuming", "unpausing", "pausing", "suspending"},
)
PAUSE = _of("pause", "active", "pausing")
UNPAUSE = _of("unpause", "paused", "unpausing")
SUSPEND = _of("suspend", "active", "suspending")
RESUME = _of("resume", "suspended", "resuming")
RESCUE = _of("rescue", "active stopped error", "rescuing")
UNRESCUE = _of("unrescue", "rescued", "unrescuing")
REBUILD = _of("rebuild", "active stopped error", "rebuilding")
RESIZE = _of("resize", "active stopped", "resize_prep")
MIGRATE = _of("migrate", "active stopped", "resize_prep")
CONFIRM_RESIZE = _of("confirmResize", "resized", "resize_confirming")
REVERT_RESIZE = _of("revertResize", "resized", "resize_reverting")
CREATE_IMAGE = _of("createImage", _AT_REST, "image_snapshot", over_lock=True)
CREATE_BACKUP = _of("createBackup", _AT_REST, "image_backup", over_lock=True)
SHELVE = _of("shelve", _AT_REST, "shelving")
SHELVE_OFFLOAD = _of("shelveOffload", "shelved", "shelving_offloading")
UNSHELVE = _of("unshelve", "shelved shelved_offloaded", "unshelving")
CHANGE_PASSWORD = _of("changePassword", "active", "updating_password")
CRASH_DUMP = _of("trigger_crash_dump", "active paused rescued resized error", "")
ATTACH_VOLUME = _of("attach_volume", "active paused stopped resized shelved_offloaded", "")
DETACH_VOLUME = _of(
    "detach_volume", "active paused suspended stopped resized shelved_offloaded", ""
)
ATTACH_INTERFACE = _of("attach_interface", "active paused stopped", "")
DETACH_INTERFACE = _of("detach_interface", "active paused stopped", "")
LIVE_MIGRATE = _of("os-migrateLive", "active paused", "migrating")
EVACUATE = Action("evacuate", frozenset({"active", "stopped", "error"}), "rebuilding", None)
RESTORE = _of("restore", "soft-delete", "restoring")
ANYTHING = Action("", None, "", None, must_have_run=False)
DELETE = Action("delete", None, "deleting", None, must_have_run=False)
SOFT_DELETE = Action("delete", None, "soft-deleting", None)
FORCE_DELETE = Action("forceDelete", None, "deleting", None, must_have_run=False)


def of_data(name: str, over_lock: bool = False) -> Action:
    """
    A change of a server's metadata or tags, whatever it does.
    """
    return Action(name, frozenset(_AT_REST.split()), "", None, over_lock=over_lock)


def check(action: Action, server: Any, is_admin: bool = False) -> None:
    """
    Raises InstanceLocked or InvalidState when `server` can't take `action` now.
    """
    if server.locked_by is not None and not (is_admin or action.over_lock):
        raise InstanceLocked(server.id)
    if action.vm_states is not None and server.vm_state not in action.vm_states:
        raise InvalidState(action.name, server.id, "vm_state", server.vm_state)
    task = server.task_state
    if action.over_tasks is not None and task is not None and task not in action.over_tasks:
        raise InvalidState(action.name, server.id, "task_state", task)
    if action.must_have_run and server.launched_at is None:
        raise InvalidState(action.name, server.id, "launched_at", None)

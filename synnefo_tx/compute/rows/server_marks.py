"""
What is set on a server and asks nothing of its cluster: locks, and states by hand.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.servers import AnyRow, find_server
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import states
from synnefo_tx.errors import Forbidden

OVERRIDE = "os_compute_api:os-lock-server:unlock:unlock_override"


def lock(connection: Connection, ask: Ask, reason: str | None = None) -> None:
    """
    Whoever is no administrator changes the server no more.  An owner's second lock does nothing.
    Raises InstanceNotFound.
    """
    server = find_server(connection, ask.caller, ask.server_id, to_change=True)
    by = _side(ask, server)
    if server.locked_by is not None and by == "owner":
        return
    _set(connection, ask, "lock", {"locked_by": by, "locked_reason": reason})


def unlock(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, or Forbidden when an administrator's lock is the owner's to bear.
    """
    server = find_server(connection, ask.caller, ask.server_id, to_change=True)
    ours = server.locked_by in (None, _side(ask, server))
    if not ours and not ask.caller.is_admin:
        raise Forbidden(f"Policy doesn't allow {OVERRIDE} to be performed.")
    _set(connection, ask, "unlock", {"locked_by": None, "locked_reason": None})


def reset_state(connection: Connection, ask: Ask, vm_state: str) -> None:
    """
    The server is in `vm_state` and does nothing, whatever was believed.  Raises InstanceNotFound.
    """
    find_server(connection, ask.caller, ask.server_id, to_change=True)
    values = {"vm_state": vm_state, "task_state": None}
    _set(connection, ask, "resetState", values)


def inject_network_info(connection: Connection, ask: Ask) -> None:
    """
    Guests are told of their networks by DHCP and the metadata service, always: nothing is to be
    done.  Raises InstanceNotFound or InstanceLocked.
    """
    states.check(
        states.ANYTHING,
        find_server(connection, ask.caller, ask.server_id),
        ask.caller.is_admin,
    )


def _side(ask: Ask, server: AnyRow) -> str:
    return "owner" if server.project_id == ask.caller.project_id else "admin"


def _set(connection: Connection, ask: Ask, action: str, values: dict[str, Any]) -> None:
    connection.execute(
        update(servers).where(servers.c.id == ask.server_id).values(**values, updated_at=ask.now_us)
    )
    actions_log.started(connection, ask, action)
    actions_log.ended(connection, ask.server_id, ask.request_id, ask.now_us)

"""
Servers: finding them, and the changes of one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from synnefo_tx.compute.errors import InstanceNotFound, InvalidState
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import quotas, states
from synnefo_tx.effect import plan
from synnefo_tx.effect.rows import outbox
from synnefo_tx.effect.wishes import Wish
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.network.rows import ports
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.rows import holdings
from synnefo_tx.volume.rows.tables import volumes

AnyRow = Row[Any]

MAX_FAULT = 255  # characters of a fault's message, as Nova's column
DATA_STATES = frozenset({"active", "stopped"})  # in which metadata and tags may change


def find_server(
    connection: Connection, caller: Caller, server_id: str, to_change: bool = False
) -> AnyRow:
    """
    The caller's server.  to_change: nobody else changes it until our transaction ends.  Raises
    InstanceNotFound.
    """
    statement = select(servers).where(
        servers.c.id == server_id, servers.c.deleted_at.is_(None), visible(servers, caller)
    )
    if to_change:
        statement = statement.with_for_update()
    row = connection.execute(statement).first()
    if row is None:
        raise InstanceNotFound(server_id)
    return row


def delete_server(connection: Connection, caller: Caller, server_id: str, now_us: int) -> bool:
    """
    Wish it away; a second time changes nothing.  True if a wish was written.  Raises
    InstanceNotFound.
    """
    server = find_server(connection, caller, server_id, to_change=True)
    if server.task_state == "deleting":
        return False
    _begin(connection, server, "deleting", plan.delete_server(server.id, server.cluster_id), now_us)
    return True


def act(
    connection: Connection, caller: Caller, server_id: str, action: states.Action, now_us: int
) -> None:
    """
    Wish for `action`.  Raises InstanceNotFound, InvalidState or OverQuota.
    """
    server = find_server(connection, caller, server_id, to_change=True)
    states.check(action, server)
    if action is not states.STOP:
        _charge(connection, server, quotas.to_start(server.reserved))
    _begin(connection, server, action.task_state, _wish(server, action), now_us)


def change(
    connection: Connection,
    caller: Caller,
    server_id: str,
    values: dict[str, Any],
    now_us: int,
) -> AnyRow:
    """
    The server with new `values` (column -> value).  Raises InstanceNotFound.
    """
    find_server(connection, caller, server_id, to_change=True)
    connection.execute(
        update(servers).where(servers.c.id == server_id).values(**values, updated_at=now_us)
    )
    return find_server(connection, caller, server_id)


def check_data_state(server: Any, action: str) -> None:
    """
    Raises InvalidState when the server's metadata or tags can't change now.
    """
    if server.vm_state not in DATA_STATES:
        raise InvalidState(action, server.id, "vm_state", server.vm_state)


def release(connection: Connection, server: Any, now_us: int) -> None:
    """
    The server is gone for good: its ports and volumes leave, its quota returns, and its row stays
    for those who ask what has changed.  Does nothing the second time.
    """
    gone = connection.execute(
        update(servers)
        .where(servers.c.id == server.id, servers.c.deleted_at.is_(None))
        .values(
            vm_state="deleted",
            task_state=None,
            power_state=0,
            reserved={},
            user_data=None,
            deleted_at=now_us,
            updated_at=now_us,
        )
    )
    if gone.rowcount != 1:
        return
    ports.delete_ports_of(connection, [server.id])
    connection.execute(delete(volumes).where(volumes.c.server_id == server.id))
    holdings.give_back(connection, payer_of(server), server.reserved)


def payer_of(server: Any) -> Payer:
    """
    Whom the server is charged to.
    """
    return Payer(server.user_id, server.project_id)


def charge_running(
    connection: Connection, server: Any, vm_state: str, task_state: str | None
) -> None:
    """
    The server is known to be in `vm_state` now: what only running ones take is charged, whatever
    the limits, or returned.
    """
    if vm_state == "active":
        _charge(connection, server, quotas.to_start(server.reserved), force=True)
    elif vm_state == "stopped" and task_state is None:
        freed = quotas.to_stop(server.reserved)
        if freed:
            holdings.give_back(connection, payer_of(server), freed)
            left = {name: held for name, held in server.reserved.items() if name not in freed}
            _reserve(connection, server, left)


def _charge(
    connection: Connection, server: Any, amounts: dict[str, int], *, force: bool = False
) -> None:
    if amounts:
        holdings.take(connection, payer_of(server), amounts, force=force)
        _reserve(connection, server, {**server.reserved, **amounts})


def _reserve(connection: Connection, server: Any, reserved: dict[str, int]) -> None:
    this = update(servers).where(servers.c.id == server.id)
    connection.execute(this.values(reserved=reserved))


def fail(connection: Connection, server: Any, message: str, now_us: int) -> None:
    """
    The server is in error, and `message` tells its user why.
    """
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id, servers.c.deleted_at.is_(None))
        .values(
            vm_state="error",
            task_state=None,
            fault={"code": 500, "message": message[:MAX_FAULT], "created": now_us},
            updated_at=now_us,
        )
    )


def _wish(server: Any, action: states.Action) -> Wish:
    if action is states.START:
        return plan.start_server(server.id, server.cluster_id)
    if action is states.STOP:
        return plan.stop_server(server.id, server.cluster_id)
    return plan.reboot_server(server.id, server.cluster_id, hard=action is states.REBOOT_HARD)


def _begin(connection: Connection, server: Any, task_state: str, wish: Wish, now_us: int) -> None:
    effect_id = outbox.put(connection, wish, now_us)
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id)
        .values(task_state=task_state, task_effect_id=effect_id, updated_at=now_us)
    )

"""
Servers: finding them, and the changes of one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from synnefo_tx.compute.errors import InstanceNotFound
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import quotas
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.network.rows import ports
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.rows import holdings
from synnefo_tx.volume.rows import plugging

AnyRow = Row[Any]

MAX_FAULT = 255  # characters of a fault's message, as Nova's column


def find_server(
    connection: Connection,
    caller: Caller,
    server_id: str,
    to_change: bool = False,
    deleted: bool = False,
) -> AnyRow:
    """
    The caller's server.  to_change: nobody else changes it until our transaction ends.  deleted:
    also one that is gone.  Raises InstanceNotFound.
    """
    statement = select(servers).where(servers.c.id == server_id, visible(servers, caller))
    if not deleted:
        statement = statement.where(servers.c.deleted_at.is_(None))
    if to_change:
        statement = statement.with_for_update()
    row = connection.execute(statement).first()
    if row is None:
        raise InstanceNotFound(server_id)
    return row


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
    plugging.server_gone(connection, server.id, now_us)
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
        charge(connection, server, quotas.to_start(server.reserved), force=True)
    elif vm_state in ("stopped", "suspended") and task_state is None:
        freed = quotas.to_stop(server.reserved)
        if freed:
            holdings.give_back(connection, payer_of(server), freed)
            left = {name: held for name, held in server.reserved.items() if name not in freed}
            _reserve(connection, server, left)


def charge(
    connection: Connection, server: Any, amounts: dict[str, int], *, force: bool = False
) -> None:
    """
    The server takes `amounts` more of its project's quota.  force: whatever the limits.  Raises
    OverQuota.
    """
    if amounts:
        holdings.take(connection, payer_of(server), amounts, force=force)
        _reserve(connection, server, {**server.reserved, **amounts})


def _reserve(connection: Connection, server: Any, reserved: dict[str, int]) -> None:
    this = update(servers).where(servers.c.id == server.id)
    connection.execute(this.values(reserved=reserved))


def hold(connection: Connection, server: Any, wanted: dict[str, int]) -> None:
    """
    The server holds as much as `wanted` of the resources named there from now on.  Raises
    OverQuota.
    """
    had = server.reserved
    more = {name: to - had.get(name, 0) for name, to in wanted.items() if to > had.get(name, 0)}
    less = {name: had.get(name, 0) - to for name, to in wanted.items() if to < had.get(name, 0)}
    if more:
        holdings.take(connection, payer_of(server), more)
    if less:
        holdings.give_back(connection, payer_of(server), less)
    if more or less:
        _reserve(connection, server, {**had, **wanted})


def blame(connection: Connection, server_id: str, message: str, now_us: int) -> None:
    """
    `message` tells the server's user what was not done.
    """
    fault = {"code": 500, "message": message[:MAX_FAULT], "created": now_us}
    this = update(servers).where(servers.c.id == server_id)
    connection.execute(this.values(fault=fault, updated_at=now_us))


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

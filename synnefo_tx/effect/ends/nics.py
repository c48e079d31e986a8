"""
What follows from the ends of tasks on ports in servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.servers import hold
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.plans import nics
from synnefo_tx.effect.tasks import Ended, Kind
from synnefo_tx.network.rows import plugging
from synnefo_tx.quota.registered import PORT


def _attached(connection: Connection, ended: Ended) -> None:
    if _port_in(connection, ended) is not None:
        plugging.has_status(connection, ended.task.target, "ACTIVE", ended.now_us)
    _told(connection, ended)


def _out(connection: Connection, ended: Ended) -> None:
    """
    It could not be attached, or is detached.
    """
    port = _port_in(connection, ended)
    if port is not None:
        if not port.is_own:
            _costs_less(connection, port)
        plugging.is_out(connection, port, ended.now_us)
    _told(connection, ended)


def _not_changed(connection: Connection, ended: Ended) -> None:
    if _port_in(connection, ended) is not None:
        plugging.has_status(connection, ended.task.target, "DOWN", ended.now_us)


def _nothing(_connection: Connection, _ended: Ended) -> None:
    """
    The rows were so already.
    """


def _port_in(connection: Connection, ended: Ended) -> Any:
    """
    The port; None when it is gone, or in another server by now.
    """
    port = plugging.find(connection, ended.task.target)
    if port is None or port.device_id != ended.task.context["server_id"]:
        return None
    return port


def _costs_less(connection: Connection, port: Any) -> None:
    server = plugging.server_of(connection, port)
    if server is not None:
        hold(connection, server, {PORT: server.reserved.get(PORT, 1) - 1})


def _told(connection: Connection, ended: Ended) -> None:
    task, server_id = ended.task, ended.task.context["server_id"]
    if task.request_id is None:
        return
    host = connection.execute(select(servers.c.host).where(servers.c.id == server_id)).scalar()
    problem = ended.message or None
    actions_log.ended(connection, server_id, task.request_id, ended.now_us, problem, host)


KINDS: Mapping[str, Kind] = {
    nics.ATTACH: Kind(on_success=_attached, on_failure=_out),
    nics.DETACH: Kind(on_success=_out, on_failure=_told),
    nics.CHANGE: Kind(on_success=_nothing, on_failure=_not_changed),
}

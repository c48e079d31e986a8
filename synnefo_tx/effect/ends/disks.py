"""
What follows from the ends of tasks on volumes in servers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.tasks import Ended, Kind, OnEnd
from synnefo_tx.volume.rows import attached, plugging, volumes
from synnefo_tx.volume.rows.ends import take_back_growth

Follow = Callable[[Connection, Any, int], None]


def _of_attachment(follow: Follow) -> OnEnd:
    """
    follow: (connection, attachment, now in us); not called for one that is gone.
    """

    def end(connection: Connection, ended: Ended) -> None:
        attachment = attached.of_id(connection, ended.task.context["attachment_id"])
        if attachment is not None:
            follow(connection, attachment, ended.now_us)
        _log(connection, ended)

    return end


def _log(connection: Connection, ended: Ended) -> None:
    server_id = ended.task.context["server_id"]
    host = connection.execute(select(servers.c.host).where(servers.c.id == server_id)).scalar()
    problem = ended.message or None
    request_id = ended.task.request_id
    actions_log.ended(connection, server_id, request_id, ended.now_us, problem, host)


def _grown(connection: Connection, ended: Ended) -> None:
    volume = volumes.locked(connection, ended.task.target)
    if volume is not None:
        size_gib = ended.task.context["size_gib"]
        volumes.change(connection, volume, ended.now_us, status="in-use", size_gib=size_gib)
    _log(connection, ended)


def _not_grown(connection: Connection, ended: Ended) -> None:
    volume = volumes.locked(connection, ended.task.target)
    if volume is not None:
        take_back_growth(connection, volume, ended.now_us, "in-use")
    _log(connection, ended)


KINDS: Mapping[str, Kind] = {
    plugging.ATTACH: Kind(
        on_success=_of_attachment(plugging.attached), on_failure=_of_attachment(plugging.detached)
    ),
    plugging.DETACH: Kind(
        on_success=_of_attachment(plugging.detached),
        on_failure=_of_attachment(plugging.not_detached),
    ),
    plugging.GROW: Kind(on_success=_grown, on_failure=_not_grown),
}

"""
Facts written into the rows: the only statements by which news changes the cloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from synnefo_tx.compute.rows import servers as server_rows
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.plan import server_id_of
from synnefo_tx.network.rows import ports
from synnefo_tx.quota.rows import holdings
from synnefo_tx.update.apply import FollowUp, Known, Verdict, after
from synnefo_tx.update.messages import News
from synnefo_tx.volume.rows.tables import volumes


def believe(connection: Connection, batch: Sequence[News], now_us: int) -> None:
    """
    Take in a batch of news, in its order, in the caller's one transaction.
    """
    for news in batch:
        if news.type == "ganeti-op-status":
            _of_server(connection, news, now_us)


def _of_server(connection: Connection, news: News, now_us: int) -> None:
    server_id = server_id_of(news.instance)
    row = connection.execute(
        select(servers)
        .where(servers.c.id == server_id, servers.c.deleted_at.is_(None))
        .with_for_update()
    ).first()
    if row is None:
        return
    known = Known(row.vm_state, row.task_state, row.power_state, row.as_of)
    verdict = after(known, news)
    if verdict.known == known and verdict.follow_up is FollowUp.NOTHING:
        return
    _keep(connection, row, verdict, news.cluster, now_us)


def _keep(connection: Connection, row: Any, verdict: Verdict, cluster: str, now_us: int) -> None:
    known = verdict.known
    values: dict[str, Any] = {
        "vm_state": known.vm_state,
        "task_state": known.task_state,
        "power_state": known.power_state,
        "as_of": known.as_of,
        "updated_at": now_us,
    }
    if known.vm_state == "active" and row.launched_at is None:
        values["launched_at"] = known.as_of
    if verdict.follow_up is FollowUp.BUILT:
        values["host"] = cluster  # Nova's host; which node it is on is the cluster's own affair
    if known.vm_state != "error":
        values["fault"] = None
    connection.execute(update(servers).where(servers.c.id == row.id).values(**values))
    match verdict.follow_up:
        case FollowUp.GONE:
            server_rows.release(connection, row, now_us)
        case FollowUp.NEVER_BUILT:
            never_built(connection, row, verdict.message, now_us, known.task_state)
        case FollowUp.TASK_FAILED:
            task_failed(connection, row, verdict.message, now_us, known)
        case FollowUp.BUILT:
            ports.set_status(connection, row.id, "ACTIVE", now_us)
            connection.execute(
                update(volumes)
                .where(volumes.c.server_id == row.id)
                .values(status="in-use", updated_at=now_us)
            )
    if verdict.follow_up in (FollowUp.NOTHING, FollowUp.BUILT):
        server_rows.charge_running(connection, row, known.vm_state, known.task_state)


def never_built(
    connection: Connection, row: Any, message: str, now_us: int, task_state: str | None = None
) -> None:
    """
    The server came to nothing: in error, with its reason, and charged for nothing any more.
    """
    holdings.give_back(connection, server_rows.payer_of(row), row.reserved)
    server_rows.fail(connection, row, message, now_us)
    connection.execute(
        update(servers)
        .where(servers.c.id == row.id)
        .values(reserved={}, power_state=0, task_state=task_state)
    )
    ports.set_status(connection, row.id, "DOWN", now_us)
    connection.execute(
        update(volumes)
        .where(volumes.c.server_id == row.id)
        .values(status="error", updated_at=now_us)
    )


def task_failed(connection: Connection, row: Any, message: str, now_us: int, known: Known) -> None:
    """
    What was asked of the server was not done: it is as `known`, and its fault says why.
    """
    fault = {"code": 500, "message": message[:255], "created": now_us}
    connection.execute(
        update(servers)
        .where(servers.c.id == row.id)
        .values(
            vm_state=known.vm_state,
            task_state=known.task_state,
            fault=fault,
            updated_at=now_us,
        )
    )
    server_rows.charge_running(connection, row, known.vm_state, known.task_state)

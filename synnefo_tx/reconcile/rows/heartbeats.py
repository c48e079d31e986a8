"""
When clusters were asked to do nothing, and when the news of it came.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, insert, select, update

from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.reconcile.rows.tables import heartbeats


def sent(connection: Connection, cluster_id: str, now_us: int) -> None:
    """
    The cluster is being asked to do nothing.
    """
    this = update(heartbeats).where(heartbeats.c.cluster_id == cluster_id)
    if connection.execute(this.values(sent_at=now_us)).rowcount == 0:
        connection.execute(insert(heartbeats).values(cluster_id=cluster_id, sent_at=now_us))


def heard(connection: Connection, cluster_ids: Collection[str | None], now_us: int) -> None:
    """
    News of such jobs have come from these clusters.
    """
    if cluster_ids:
        these = heartbeats.c.cluster_id.in_([one for one in cluster_ids if one is not None])
        connection.execute(update(heartbeats).where(these).values(heard_at=now_us))


def ages(connection: Connection, now_us: int) -> dict[str, float]:
    """
    Of each cluster the seconds since it was heard of; -1: never.
    """
    rows = connection.execute(
        select(clusters.c.id, heartbeats.c.heard_at).outerjoin(heartbeats).order_by(clusters.c.id)
    )
    return {
        row.id: -1.0 if row.heard_at is None else max(0.0, (now_us - row.heard_at) / 1e6)
        for row in rows
    }

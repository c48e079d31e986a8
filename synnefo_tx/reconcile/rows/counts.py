"""
How many differences there are, kept for the processes that tell Prometheus.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.reconcile.rows.tables import drift
from synnefo_tx.reconcile.values import Found

RUN = "run"  # the row that says when there was a run


def keep(connection: Connection, found: Found, now_us: int) -> None:
    """
    Counts take the place of those of the run before; of a cluster that was away they stay.
    """
    connection.execute(delete(drift).where(drift.c.cluster_id.not_in(list(found.away))))
    counts = Counter((one.what, one.cluster_id) for one in found.drifts)
    rows = [
        {"what": what, "cluster_id": cluster_id, "count": count, "found_at": now_us}
        for (what, cluster_id), count in counts.items()
    ]
    rows.append({"what": RUN, "cluster_id": "", "count": len(found.away), "found_at": now_us})
    connection.execute(insert(drift), rows)


def kept(connection: Connection) -> list[Any]:
    """
    Rows of what, cluster_id, count, found_at; none before the first run.
    """
    return list(connection.execute(select(drift).order_by(drift.c.what, drift.c.cluster_id)))

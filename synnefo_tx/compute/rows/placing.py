"""
The clusters as placement sees them.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.compute.rules.placement import Candidate


def candidates(connection: Connection) -> list[Candidate]:
    """
    Every cluster.
    """
    rows = connection.execute(select(clusters.c.id, clusters.c.drained).order_by(clusters.c.id))
    return [Candidate(row.id, row.drained) for row in rows]


def takes_servers(connection: Connection) -> bool:
    """
    Whether some cluster takes new servers.
    """
    return any(not candidate.drained for candidate in candidates(connection))

"""
Where servers' consoles are.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows.servers import AnyRow, find_server
from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.identity.caller import Caller


def console_at(connection: Connection, caller: Caller, server_id: str) -> tuple[AnyRow, str | None]:
    """
    The caller's server, and the address of its cluster's console proxy.  Raises InstanceNotFound.
    """
    server = find_server(connection, caller, server_id)
    where = select(clusters.c.console_url).where(clusters.c.id == server.cluster_id)
    return server, connection.execute(where).scalar()

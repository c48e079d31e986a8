"""
Events that other services send about servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from sqlalchemy import Connection, select

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules.external_events import judged


def take(
    connection: Connection, ask: Ask, events: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """
    The events with their fates.  Nothing here waits for one: networks and volumes of ours tell
    their guests themselves.  A volume's growth is kept among what was done to its server.
    """
    wanted = {event["server_uuid"] for event in events}
    found = connection.execute(
        select(servers.c.id, servers.c.host).where(
            servers.c.id.in_(wanted), servers.c.deleted_at.is_(None)
        )
    )
    hosts = {row.id: row.host for row in found}
    taken = []
    for event in events:
        server_id = event["server_uuid"]
        fate = judged(event, hosts.get(server_id), server_id in hosts)
        if fate["code"] == 200 and event["name"] == "volume-extended":
            of_it = evolve(ask, server_id=server_id)
            actions_log.started(connection, of_it, "extend_volume")
            actions_log.ended(connection, server_id, ask.request_id, ask.now_us)
        taken.append(fate)
    return taken

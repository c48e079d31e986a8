"""
The server that is asked for something, when it can take it, and what it begins.
"""

from __future__ import annotations

from sqlalchemy import Connection, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.servers import AnyRow, find_server
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import states
from synnefo_tx.effect.rows import outbox
from synnefo_tx.effect.wishes import Wish


def asked_of(connection: Connection, ask: Ask, action: states.Action) -> AnyRow:
    """
    The server, which nobody else changes until our transaction ends.  Raises InstanceNotFound,
    InstanceLocked or InvalidState.
    """
    server = find_server(connection, ask.caller, ask.server_id, to_change=True)
    states.check(action, server, ask.caller.is_admin)
    return server


def begin(
    connection: Connection, ask: Ask, server: AnyRow, action: states.Action, wish: Wish
) -> None:
    """
    The server is at `action` from now on, which `wish` brings about.
    """
    actions_log.started(connection, ask, action.name)
    effect_id = outbox.put(connection, wish, ask.now_us)
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id)
        .values(task_state=action.task_state, task_effect_id=effect_id, updated_at=ask.now_us)
    )

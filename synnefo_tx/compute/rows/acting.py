"""
The server that is asked for something, when it can take it, and what it begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.servers import AnyRow, find_server
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import states
from synnefo_tx.compute.rules.states import RUNNING
from synnefo_tx.effect.plans.server_life import Place
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.tasks import Asked, Step


def asked_of(connection: Connection, ask: Ask, action: states.Action) -> AnyRow:
    """
    The server, which nobody else changes until our transaction ends.  Raises InstanceNotFound,
    InstanceLocked or InvalidState.
    """
    server = find_server(connection, ask.caller, ask.server_id, to_change=True)
    states.check(action, server, ask.caller.is_admin)
    return server


def begin(
    connection: Connection,
    ask: Ask,
    server: AnyRow,
    action: states.Action,
    steps: Sequence[Step],
    context: Mapping[str, Any] | None = None,
) -> None:
    """
    The server is at `action` from now on, which `steps` bring about.  context: for what follows
    from their end, see effect/ends/server_life.py.
    """
    task_state = action.task_state or server.task_state
    begin_task(connection, ask, action.name, task_state, steps, context or {})
    connection.execute(
        update(servers)
        .where(servers.c.id == server.id)
        .values(task_state=task_state, updated_at=ask.now_us)
    )


def begin_task(
    connection: Connection,
    ask: Ask,
    name: str,
    task_state: str | None,
    steps: Sequence[Step],
    context: Mapping[str, Any],
) -> None:
    """
    The same, its server's row apart.  name: Nova's of the action.
    """
    actions_log.started(connection, ask, name)
    task = Asked(
        kind=f"server.{name}",
        target=ask.server_id,
        steps=tuple(steps),
        context={**context, "task_state": task_state},
        request_id=ask.request_id,
        user_id=ask.caller.user_id,
    )
    tasks.begin(connection, task, ask.now_us)


def place_of(server: AnyRow, runs: bool | None = None) -> Place:
    """
    Where the server is.  runs: whether its guest does; as was told last if None.
    """
    if runs is None:
        runs = server.power_state == RUNNING
    return Place(server.id, server.cluster_id, runs)

"""
What was done to servers: written as it happens, and told to their users.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows.action_tables import server_action_events, server_actions
from synnefo_tx.errors import BadRequest, NotFound

MAX_MESSAGE = 255
# Nova's events of what takes time; what is done at once has none.
EVENTS = {
    "create": "compute__do_build_and_run_instance",
    "delete": "compute_terminate_instance",
    "start": "compute_start_instance",
    "stop": "compute_stop_instance",
    "reboot": "compute_reboot_instance",
    "pause": "compute_pause_instance",
    "unpause": "compute_unpause_instance",
    "suspend": "compute_suspend_instance",
    "resume": "compute_resume_instance",
    "rescue": "compute_rescue_instance",
    "unrescue": "compute_unrescue_instance",
    "rebuild": "compute_rebuild_instance",
    "resize": "compute_prep_resize",
    "migrate": "compute_prep_resize",
    "confirmResize": "compute_confirm_resize",
    "revertResize": "compute_revert_resize",
    "createImage": "compute_snapshot_instance",
    "createBackup": "compute_backup_instance",
    "shelve": "compute_shelve_instance",
    "shelveOffload": "compute_shelve_offload_instance",
    "unshelve": "compute_unshelve_instance",
    "changePassword": "compute_set_admin_password",
    "live-migration": "compute_live_migration",
    "evacuate": "compute_rebuild_instance",
    "lock": "api_lock",
    "unlock": "api_unlock",
    "attach_volume": "compute_attach_volume",
    "detach_volume": "compute_detach_volume",
    "extend_volume": "compute_extend_volume",
}


def started(connection: Connection, ask: Ask, action: str) -> None:
    """
    The request has begun `action` (Nova's name) on its server; a second action of one request on
    one server is part of the first.
    """
    of = {"server_id": ask.server_id, "request_id": ask.request_id}
    known = select(server_actions.c.action).filter_by(**of)
    if connection.execute(known).first() is not None:
        return
    connection.execute(
        insert(server_actions).values(
            **of,
            action=action,
            user_id=ask.caller.user_id,
            project_id=ask.caller.project_id,
            started_at=ask.now_us,
            updated_at=ask.now_us,
        )
    )
    if action in EVENTS:
        connection.execute(
            insert(server_action_events).values(**of, event=EVENTS[action], started_at=ask.now_us)
        )


def ended(
    connection: Connection,
    server_id: str,
    request_id: str,
    now_us: int,
    problem: str | None = None,
    host: str | None = None,
) -> None:
    """
    What the request had begun on the server is over; `problem` says why it failed.
    """
    of = {"server_id": server_id, "request_id": request_id}
    connection.execute(
        update(server_action_events)
        .filter_by(**of)
        .where(server_action_events.c.finished_at.is_(None))
        .values(
            finished_at=now_us,
            result="Success" if problem is None else "Error",
            details=problem,
            host=host,
        )
    )
    values: dict[str, Any] = {"updated_at": now_us}
    if problem is not None:
        values["message"] = "Error"
    connection.execute(update(server_actions).filter_by(**of).values(**values))


def list_actions(
    connection: Connection,
    server_id: str,
    limit: int | None = None,
    marker: str | None = None,
    since_us: int | None = None,
    before_us: int | None = None,
) -> list[Any]:
    """
    The server's actions, newest first.  marker: the request id before the page.  Raises BadRequest.
    """
    statement = select(server_actions).where(server_actions.c.server_id == server_id)
    if since_us is not None:
        statement = statement.where(server_actions.c.updated_at >= since_us)
    if before_us is not None:
        statement = statement.where(server_actions.c.updated_at <= before_us)
    if marker is not None:
        statement = _behind(connection, statement, server_id, marker)
    order = server_actions.c.started_at.desc(), server_actions.c.request_id.desc()
    return list(connection.execute(statement.order_by(*order).limit(limit)))


def _behind(
    connection: Connection, statement: Select[Any], server_id: str, marker: str
) -> Select[Any]:
    place = _of_request(connection, server_id, marker)
    if place is None:
        raise BadRequest(f"Marker {marker} could not be found.")
    return statement.where(
        or_(
            server_actions.c.started_at < place.started_at,
            (server_actions.c.started_at == place.started_at)
            & (server_actions.c.request_id < place.request_id),
        )
    )


def find_action(connection: Connection, server_id: str, request_id: str) -> tuple[Any, list[Any]]:
    """
    The action of one request and its events, newest first.  Raises NotFound.
    """
    action = _of_request(connection, server_id, request_id)
    if action is None:
        raise NotFound(f"Action {request_id} not found")
    events = connection.execute(
        select(server_action_events)
        .filter_by(server_id=server_id, request_id=request_id)
        .order_by(server_action_events.c.id.desc())
    )
    return action, list(events)


def _of_request(connection: Connection, server_id: str, request_id: str) -> Any:
    return connection.execute(
        select(server_actions).filter_by(server_id=server_id, request_id=request_id)
    ).first()

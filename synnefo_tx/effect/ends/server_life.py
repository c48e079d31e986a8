"""
What follows from the ends of servers' tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from synnefo_tx.compute.rows import actions_log, imaging, rebuilding, rescuing, resizing, shelving
from synnefo_tx.compute.rows.servers import AnyRow, blame
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.tasks import Ended, Kind
from synnefo_tx.update.rows import facts

DELETIONS = frozenset({"server.delete", "server.forceDelete"})
Follow = Callable[[Connection, AnyRow, Ended], None]


def _nothing(_connection: Connection, _server: AnyRow, _ended: Ended) -> None:
    """
    What the cluster has told of its jobs is all.
    """


def _kind(done: Follow = _nothing, failed: Follow = _nothing) -> Kind:
    """
    done, failed: what follows of the server, (connection, its row, the task's end).
    """

    def on_success(connection: Connection, ended: Ended) -> None:
        server = _over(connection, ended)
        if server is not None:
            done(connection, server, ended)

    def on_failure(connection: Connection, ended: Ended) -> None:
        server = _over(connection, ended)
        if server is not None:
            failed(connection, server, ended)
            blame(connection, server.id, ended.message, ended.now_us)

    return Kind(on_success=on_success, on_failure=on_failure)


def _over(connection: Connection, ended: Ended) -> Any:
    """
    The server, which is at nothing now; None when it is gone.
    """
    task, now_us = ended.task, ended.now_us
    server = connection.execute(
        select(servers)
        .where(servers.c.id == task.target, servers.c.deleted_at.is_(None))
        .with_for_update()
    ).first()
    host = server.host if server is not None else None
    is_gone = server is None and task.kind in DELETIONS
    problem = None if is_gone else ended.message or None
    actions_log.ended(connection, task.target, task.request_id, now_us, problem, host)
    if server is None or (server.task_state == "deleting" and task.kind not in DELETIONS):
        return None
    if server.task_state == task.context["task_state"]:
        this = update(servers).where(servers.c.id == server.id)
        connection.execute(this.values(task_state=None, updated_at=now_us))
    return server


def _sent(connection: Connection, ended: Ended) -> None:
    """
    The cluster makes the server; unless the news was quicker than the answer.
    """
    connection.execute(
        update(servers)
        .where(servers.c.id == ended.task.target, servers.c.task_state == "scheduling")
        .values(task_state="spawning")
    )


def _created(connection: Connection, ended: Ended) -> None:
    """
    The news has told all.
    """
    _over(connection, ended)


def _not_created(connection: Connection, ended: Ended) -> None:
    """
    There will be no server.  Of a job that failed the news has told all.
    """
    server = _over(connection, ended)
    if server is not None and ended.news is None:
        facts.never_built(connection, server, ended.message, ended.now_us)


KINDS: Mapping[str, Kind] = {
    "server.create": Kind(on_success=_created, on_failure=_not_created, on_sent=_sent),
    "server.delete": _kind(),
    "server.forceDelete": _kind(),
    "server.start": _kind(),
    "server.stop": _kind(),
    "server.reboot": _kind(),
    "server.trigger_crash_dump": _kind(),
    "server.changePassword": _kind(),
    "server.pause": _kind(),
    "server.unpause": _kind(),
    "server.suspend": _kind(),
    "server.resume": _kind(),
    "server.createImage": _kind(imaging.taken, imaging.not_taken),
    "server.createBackup": _kind(imaging.taken, imaging.not_taken),
    "server.shelve": _kind(shelving.shelved, shelving.not_shelved),
    "server.unshelve": _kind(shelving.unshelved, shelving.not_unshelved),
    "server.rebuild": _kind(rebuilding.rebuilt, rebuilding.not_rebuilt),
    "server.rescue": _kind(rescuing.rescued, rescuing.not_rescued),
    "server.unrescue": _kind(rescuing.unrescued, rescuing.not_rescued),
    "server.resize": _kind(resizing.resized, resizing.not_resized),
    "server.confirmResize": _kind(resizing.confirmed, resizing.not_confirmed),
    "server.revertResize": _kind(resizing.reverted, resizing.not_reverted),
}

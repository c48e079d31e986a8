"""
What follows from the ends of servers' tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from synnefo_tx.compute.rows import actions_log, imaging, rebuilding, rescuing, resizing, shelving
from synnefo_tx.compute.rows.servers import AnyRow, blame, charge_running, fail, payer_of
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.tasks import Ended, Kind
from synnefo_tx.network.rows import ports
from synnefo_tx.quota.rows import holdings
from synnefo_tx.volume.rows import plugging
from synnefo_tx.volume.rows.tables import volumes

DELETIONS = frozenset({"server.delete", "server.forceDelete"})
LATER = {"server.create": ("networking", "block_device_mapping", "spawning")}  # a task's states
Follow = Callable[[Connection, AnyRow, Ended], None]
Orphaned = Callable[[Connection, Ended], None]


def _nothing(_connection: Connection, _server: AnyRow, _ended: Ended) -> None:
    """
    What the cluster has told of its jobs is all.
    """


def _nobody(_connection: Connection, _ended: Ended) -> None:
    """
    All that the server had goes with it.
    """


def _kind(done: Follow = _nothing, failed: Follow = _nothing, gone: Orphaned = _nobody) -> Kind:
    """
    done, failed: what follows of the server, (connection, its row, the task's end); gone: what
    follows when it is gone or going, (connection, the task's end).
    """

    def on_success(connection: Connection, ended: Ended) -> None:
        server = _over(connection, ended)
        if server is not None:
            done(connection, server, ended)
        else:
            gone(connection, ended)

    def on_failure(connection: Connection, ended: Ended) -> None:
        server = _over(connection, ended)
        if server is not None:
            failed(connection, server, ended)
            blame(connection, server.id, ended.message, ended.now_us)
        else:
            gone(connection, ended)

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
    this = servers.c.id == server.id
    if server.task_state in (task.context["task_state"], *LATER.get(task.kind, ())):
        connection.execute(update(servers).where(this).values(task_state=None, updated_at=now_us))
    charge_running(connection, server, server.vm_state, None)
    return connection.execute(select(servers).where(this)).one()


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
    The news has told all but of its volumes.
    """
    plugging.server_made(connection, ended.task.target, ended.now_us)
    _over(connection, ended)


def _not_created(connection: Connection, ended: Ended) -> None:
    server = _over(connection, ended)
    if server is None:
        plugging.server_not_made(connection, ended.task.target, ended.now_us)
    elif server.vm_state == "building":
        comes_to_nothing(connection, server, ended.message, ended.now_us)
    else:  # its guest is there, with all that it is charged for; only a port is not as it should be
        plugging.server_made(connection, server.id, ended.now_us)
        fail(connection, server, ended.message, ended.now_us)


def comes_to_nothing(connection: Connection, server: AnyRow, message: str, now_us: int) -> None:
    """
    The server is in error, with its reason, and charged for nothing any more.
    """
    holdings.give_back(connection, payer_of(server), server.reserved)
    fail(connection, server, message, now_us)
    this = update(servers).where(servers.c.id == server.id)
    connection.execute(this.values(reserved={}, power_state=0))
    ports.set_status(connection, server.id, "DOWN", now_us)
    plugging.server_not_made(connection, server.id, now_us)
    connection.execute(
        update(volumes)
        .where(volumes.c.server_id == server.id)
        .values(status="error", updated_at=now_us)
    )


def _not_deleted(connection: Connection, server: AnyRow, _ended: Ended) -> None:
    connection.execute(update(servers).where(servers.c.id == server.id).values(vm_state="error"))


KINDS: Mapping[str, Kind] = {
    "server.create": Kind(on_success=_created, on_failure=_not_created, on_sent=_sent),
    "server.delete": _kind(failed=_not_deleted),
    "server.forceDelete": _kind(failed=_not_deleted),
    "server.start": _kind(),
    "server.stop": _kind(),
    "server.reboot": _kind(),
    "server.trigger_crash_dump": _kind(),
    "server.changePassword": _kind(),
    "server.pause": _kind(),
    "server.unpause": _kind(),
    "server.suspend": _kind(),
    "server.resume": _kind(),
    "server.createImage": _kind(imaging.taken, imaging.not_taken, imaging.given_up),
    "server.createBackup": _kind(imaging.taken, imaging.not_taken, imaging.given_up),
    "server.shelve": _kind(shelving.shelved, shelving.not_shelved, imaging.given_up),
    "server.unshelve": _kind(shelving.unshelved, shelving.not_unshelved),
    "server.rebuild": _kind(rebuilding.rebuilt, rebuilding.not_rebuilt),
    "server.rescue": _kind(rescuing.rescued, rescuing.not_rescued),
    "server.unrescue": _kind(rescuing.unrescued, rescuing.not_rescued),
    "server.resize": _kind(resizing.resized, resizing.not_resized),
    "server.confirmResize": _kind(resizing.confirmed, resizing.not_confirmed),
    "server.revertResize": _kind(resizing.reverted, resizing.not_reverted),
}

"""
Starting, stopping, rebooting, pausing, suspending and deleting servers.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log, shelving
from synnefo_tx.compute.rows.acting import asked_of, begin, place_of
from synnefo_tx.compute.rows.boot_images import image_property
from synnefo_tx.compute.rows.servers import AnyRow, charge, release
from synnefo_tx.compute.rules import quotas, states
from synnefo_tx.effect import plan
from synnefo_tx.effect.plans import server_life
from synnefo_tx.effect.tasks import Step
from synnefo_tx.volume.rows import plugging


def start(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState or OverQuota.
    """
    server = asked_of(connection, ask, states.START)
    charge(connection, server, quotas.to_start(server.reserved))
    wish = plan.start_server(server.id, server.cluster_id)
    begin(connection, ask, server, states.START, (Step(wish),))


def stop(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.STOP)
    wish = plan.stop_server(server.id, server.cluster_id)
    begin(connection, ask, server, states.STOP, (Step(wish),))


def reboot(connection: Connection, ask: Ask, hard: bool) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState or OverQuota.
    """
    action = states.REBOOT_HARD if hard else states.REBOOT_SOFT
    server = asked_of(connection, ask, action)
    charge(connection, server, quotas.to_start(server.reserved))
    wish = plan.reboot_server(server.id, server.cluster_id, hard)
    begin(connection, ask, server, action, (Step(wish),))


def delete(connection: Connection, ask: Ask, action: states.Action = states.DELETE) -> None:
    """
    Wish it away; a second time changes nothing.  Raises InstanceNotFound or InstanceLocked.
    """
    server = asked_of(connection, ask, action)
    if server.vm_state == shelving.OFFLOADED and server.task_state is None:
        _forget(connection, ask, server, action)
    elif server.task_state != action.task_state:
        steps = plugging.steps_out(connection, server)
        if steps:
            off = plan.stop_server(server.id, server.cluster_id, timeout_s=0)
            steps.insert(0, Step(off, despite=("unknown_entity",)))
        gone = Step(plan.delete_server(server.id, server.cluster_id))
        begin(connection, ask, server, action, [*steps, gone])


def _forget(connection: Connection, ask: Ask, server: AnyRow, action: states.Action) -> None:
    """
    It is on no cluster: it is gone at once.
    """
    actions_log.started(connection, ask, action.name)
    shelving.drop_image(connection, server, ask.now_us)
    release(connection, server, ask.now_us)
    actions_log.ended(connection, server.id, ask.request_id, ask.now_us)


def restore(connection: Connection, ask: Ask) -> None:
    """
    What is deleted is gone at once, as with Nova's defaults: there is nothing to restore.  Raises
    InstanceNotFound, InstanceLocked or InvalidState, always.
    """
    asked_of(connection, ask, states.RESTORE)


def pause(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.PAUSE)
    begin(connection, ask, server, states.PAUSE, server_life.pause(place_of(server)))


def unpause(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.UNPAUSE)
    begin(connection, ask, server, states.UNPAUSE, server_life.unpause(place_of(server)))


def suspend(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.SUSPEND)
    begin(connection, ask, server, states.SUSPEND, server_life.suspend(place_of(server)))


def resume(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState or OverQuota.
    """
    server = asked_of(connection, ask, states.RESUME)
    charge(connection, server, quotas.to_start(server.reserved))
    begin(connection, ask, server, states.RESUME, server_life.resume(place_of(server)))


def crash_dump(connection: Connection, ask: Ask) -> None:
    """
    The guest gets an interrupt that can't be masked.  Raises InstanceNotFound, InstanceLocked or
    InvalidState.
    """
    server = asked_of(connection, ask, states.CRASH_DUMP)
    begin(connection, ask, server, states.CRASH_DUMP, server_life.interrupt(place_of(server)))


def change_password(connection: Connection, ask: Ask, password: str) -> None:
    """
    The guest's agent is asked for it.  Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.CHANGE_PASSWORD)
    user = image_property(connection, server, "os_admin_user") or "root"
    steps = server_life.change_password(place_of(server), user, password)
    begin(connection, ask, server, states.CHANGE_PASSWORD, steps)

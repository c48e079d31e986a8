"""
Starting, stopping, rebooting, pausing, suspending and deleting servers.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows.acting import asked_of, begin, place_of, wish_for
from synnefo_tx.compute.rows.servers import charge
from synnefo_tx.compute.rules import quotas, states
from synnefo_tx.effect import plan
from synnefo_tx.effect.plans import server_life


def start(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState or OverQuota.
    """
    server = asked_of(connection, ask, states.START)
    charge(connection, server, quotas.to_start(server.reserved))
    wish = plan.start_server(server.id, server.cluster_id)
    wish_for(connection, ask, server, states.START, wish)


def stop(connection: Connection, ask: Ask) -> None:
    """
    Raises InstanceNotFound, InstanceLocked or InvalidState.
    """
    server = asked_of(connection, ask, states.STOP)
    wish = plan.stop_server(server.id, server.cluster_id)
    wish_for(connection, ask, server, states.STOP, wish)


def reboot(connection: Connection, ask: Ask, hard: bool) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState or OverQuota.
    """
    action = states.REBOOT_HARD if hard else states.REBOOT_SOFT
    server = asked_of(connection, ask, action)
    charge(connection, server, quotas.to_start(server.reserved))
    wish = plan.reboot_server(server.id, server.cluster_id, hard)
    wish_for(connection, ask, server, action, wish)


def delete(connection: Connection, ask: Ask, action: states.Action = states.DELETE) -> None:
    """
    Wish it away; a second time changes nothing.  Raises InstanceNotFound or InstanceLocked.
    """
    server = asked_of(connection, ask, action)
    if server.task_state != action.task_state:
        wish = plan.delete_server(server.id, server.cluster_id)
        wish_for(connection, ask, server, action, wish)


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

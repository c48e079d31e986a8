"""
Ports of servers, as compute's users see, attach and detach them.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, select, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log, chosen_networks
from synnefo_tx.compute.rows.acting import asked_of
from synnefo_tx.compute.rows.servers import find_server, hold
from synnefo_tx.compute.rules import states
from synnefo_tx.compute.rules.create_request import NetworkWish
from synnefo_tx.compute.rules.interface_schemas import Interface
from synnefo_tx.effect.plans import nics
from synnefo_tx.effect.tasks import Asked
from synnefo_tx.errors import BadRequest, Conflict, NotFound
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.rows import addresses, plugging
from synnefo_tx.network.rows.kinds import PORTS
from synnefo_tx.network.rows.lists import find_all
from synnefo_tx.network.rows.tables import ports
from synnefo_tx.quota.registered import PORT

AnyRow = Any


@frozen
class Shown:
    """
    A port and its addresses.
    """

    port: AnyRow
    addresses: list[AnyRow]


def index(connection: Connection, caller: Caller, server_id: str) -> list[Shown]:
    """
    Oldest first.  Raises InstanceNotFound.
    """
    find_server(connection, caller, server_id)
    return _shown(connection, ports.c.device_id == server_id)


def show(connection: Connection, caller: Caller, server_id: str, port_id: str) -> Shown:
    """
    Raises InstanceNotFound or NotFound.
    """
    find_server(connection, caller, server_id)
    found = _shown(connection, ports.c.id == port_id)
    if not found or found[0].port.device_id != server_id:
        raise NotFound(f"Instance {server_id} does not have a port with id {port_id}")
    return found[0]


def attach(connection: Connection, ask: Ask, wanted: Interface) -> Shown:
    """
    The new interface.  Raises InstanceNotFound, InstanceLocked, InvalidState, NotFound, BadRequest,
    Conflict or OverQuota.
    """
    server = asked_of(connection, ask, states.ATTACH_INTERFACE)
    if wanted.port_id is None:
        port_id = _new_port(connection, ask, server, wanted)
    else:
        port_id = _free_port(connection, ask.caller, wanted.port_id)
    tagged = update(ports).where(ports.c.id == port_id).values(tag=wanted.tag)
    connection.execute(tagged)
    actions_log.started(connection, ask, states.ATTACH_INTERFACE.name)
    task = _task(nics.ATTACH, ask, port_id)
    plugging.plug(connection, server, port_id, task, ask.now_us)
    return show(connection, ask.caller, server.id, port_id)


def detach(connection: Connection, ask: Ask, port_id: str) -> None:
    """
    Raises InstanceNotFound, InstanceLocked, InvalidState, NotFound or Conflict.
    """
    server = asked_of(connection, ask, states.DETACH_INTERFACE)
    port = plugging.find(connection, port_id)
    if port is None or port.device_id != server.id:
        raise NotFound(f"Port id {port_id} could not be found.")
    if plugging.is_busy(connection, port_id):
        raise Conflict(f"Port {port_id} is being attached or detached.")
    actions_log.started(connection, ask, states.DETACH_INTERFACE.name)
    plugging.unplug(connection, server, _task(nics.DETACH, ask, port_id), ask.now_us)


def _task(kind: str, ask: Ask, port_id: str) -> Asked:
    return Asked(
        kind=kind,
        target=port_id,
        steps=(),
        context={"server_id": ask.server_id},
        request_id=ask.request_id,
        user_id=ask.caller.user_id,
    )


def _new_port(connection: Connection, ask: Ask, server: AnyRow, wanted: Interface) -> str:
    """
    One that goes with the server, which pays for it.
    """
    wish = None
    if wanted.network_id is not None:
        wish = NetworkWish(
            network_id=wanted.network_id, port_id=None, fixed_ip=wanted.ip_address, tag=wanted.tag
        )
    chosen = chosen_networks.one_more(connection, ask.caller, wish)
    hold(connection, server, {PORT: server.reserved.get(PORT, 0) + 1})
    (plugged,) = chosen_networks.plug(connection, ask.caller, [chosen], server.id, ask.now_us)
    return plugged.port_id


def _free_port(connection: Connection, caller: Caller, port_id: str) -> str:
    if not find_all(connection, PORTS, [port_id], caller):
        raise NotFound(f"Port id {port_id} could not be found.")
    port = plugging.find(connection, port_id)
    if port is None or (port.project_id != caller.project_id and not caller.is_admin):
        raise NotFound(f"Port id {port_id} could not be found.")
    if port.device_id:
        raise Conflict(f"Port {port_id} is still in use.")
    if not addresses.of_ports(connection, [port_id]):
        raise BadRequest(f"Port {port_id} requires a FixedIP in order to be used.")
    return port_id


def _shown(connection: Connection, condition: Any) -> list[Shown]:
    ordered = select(ports).where(condition).order_by(ports.c.created_at, ports.c.id)
    rows = connection.execute(ordered).all()
    given = addresses.of_ports(connection, [row.id for row in rows])
    return [Shown(row, given.get(row.id, [])) for row in rows]

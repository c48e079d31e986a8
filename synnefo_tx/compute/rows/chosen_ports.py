"""
Ports that somebody has made before, given to a new server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from synnefo_tx.compute.rows.guests import interface_of
from synnefo_tx.compute.rules.config_drive import Interface
from synnefo_tx.effect.plans import nics
from synnefo_tx.effect.tasks import Step
from synnefo_tx.errors import BadRequest, Conflict
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.rows import addresses, plugging
from synnefo_tx.network.rows.change_networks import touched
from synnefo_tx.network.rows.plugs import plugs_of
from synnefo_tx.network.rows.tables import networks, ports

AnyRow = Any


def network_of(connection: Connection, caller: Caller, port_id: str) -> AnyRow:
    """
    The network of a port that is free.  Raises BadRequest or Conflict in Nova's words.
    """
    port = plugging.find(connection, port_id)
    if port is None or (port.project_id != caller.project_id and not caller.is_admin):
        raise BadRequest(f"Port id {port_id} could not be found.")
    if port.device_id:
        raise Conflict(f"Port {port_id} is still in use.")
    if not addresses.of_ports(connection, [port_id]):
        raise BadRequest(f"Port {port_id} requires a FixedIP in order to be used.")
    return connection.execute(select(networks).where(networks.c.id == port.network_id)).one()


def plug(
    connection: Connection, port_id: str, server_id: str, zone: str, tag: str | None, now_us: int
) -> Interface:
    """
    It is the server's from now on.  Raises Conflict when it is another one's since.
    """
    port = plugging.find(connection, port_id)
    if port is None or port.device_id:
        raise Conflict(f"Port {port_id} is still in use.")
    owner = f"{plugging.OF_SERVERS}{zone}"
    columns = {"device_id": server_id, "device_owner": owner, "tag": tag}
    touched(connection, ports, port_id, columns, now_us)
    [plug] = [row for row in plugs_of(connection, server_id) if row.id == port_id]
    return interface_of(plug)


def steps_after(
    connection: Connection, server_id: str, cluster_id: str, port_ids: Sequence[str]
) -> tuple[Step, ...]:
    """
    What a cluster is told of the ports of a server once it has it: further addresses, those that
    the guest may send under, and options of DHCP.
    """
    shapes = [plugging.shape(connection, port_id) for port_id in port_ids]
    return tuple(
        Step(nics.change(server_id, cluster_id, shape))
        for shape in shapes
        if len(shape.addresses) > 1 or shape.pairs or shape.dhcp_options
    )

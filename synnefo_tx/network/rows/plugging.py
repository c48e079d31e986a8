"""
Ports in servers, as clusters bring it about, and what follows from that.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.plans import nics
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.tasks import Asked, Step
from synnefo_tx.effect.wishes import Wish
from synnefo_tx.network.rows import addresses, port_groups
from synnefo_tx.network.rows.change_networks import touched
from synnefo_tx.network.rows.ports import delete_ports
from synnefo_tx.network.rows.tables import ports, subnets
from synnefo_tx.network.rules.addresses import is_automatic

OF_SERVERS = "compute:"
AnyRow = Any


def plug(connection: Connection, server: AnyRow, port_id: str, task: Asked, now_us: int) -> None:
    """
    The port is the server's from now on; `task` is what brings it about, but for its steps.
    """
    columns = {
        "device_id": server.id,
        "device_owner": f"{OF_SERVERS}{server.availability_zone or 'nova'}",
        "binding_host": server.host or "",
    }
    touched(connection, ports, port_id, columns, now_us)
    wish = nics.attach(server.id, server.cluster_id, shape(connection, port_id))
    _begin(connection, task, wish, now_us)


def unplug(connection: Connection, server: AnyRow, task: Asked, now_us: int) -> None:
    """
    The server loses the port that `task` is about.
    """
    wish = nics.detach(server.id, server.cluster_id, task.target)
    _begin(connection, task, wish, now_us)


def changed(connection: Connection, port: AnyRow, now_us: int) -> None:
    """
    The server that has the port, if any does, shall have it as it is now.
    """
    server = server_of(connection, port)
    if server is not None:
        wish = nics.change(server.id, server.cluster_id, shape(connection, port.id))
        context = {"server_id": server.id}
        _begin(
            connection,
            Asked(kind=nics.CHANGE, target=port.id, steps=(), context=context),
            wish,
            now_us,
        )


def server_of(connection: Connection, port: AnyRow) -> AnyRow | None:
    """
    The server that a port is in.
    """
    if not port.device_owner.startswith(OF_SERVERS):
        return None
    return connection.execute(
        select(servers)
        .where(servers.c.id == port.device_id, servers.c.deleted_at.is_(None))
        .with_for_update()
    ).first()


def is_server(connection: Connection, device_id: str) -> bool:
    """
    Whether there is a server of that id, anybody's.
    """
    there = select(servers.c.id).where(servers.c.id == device_id, servers.c.deleted_at.is_(None))
    return connection.execute(there).first() is not None


def find(connection: Connection, port_id: str) -> AnyRow | None:
    """
    The port, which nobody else changes until our transaction ends.
    """
    return connection.execute(select(ports).where(ports.c.id == port_id).with_for_update()).first()


def is_busy(connection: Connection, port_id: str) -> bool:
    """
    Whether a cluster is asked to plug or unplug it.
    """
    return any(task.kind != nics.CHANGE for task in tasks.under_way(connection, port_id))


def has_status(connection: Connection, port_id: str, status: str, now_us: int) -> None:
    """
    Neutron's state of one port.
    """
    connection.execute(
        update(ports)
        .where(ports.c.id == port_id, ports.c.status != status)
        .values(status=status, revision=ports.c.revision + 1, updated_at=now_us)
    )


def is_out(connection: Connection, port: AnyRow, now_us: int) -> None:
    """
    The port is in no server: it goes, unless it is somebody's own.
    """
    if not port.is_own:
        delete_ports(connection, [port.id])
        return
    columns = {"device_id": "", "device_owner": "", "binding_host": "", "status": "DOWN"}
    touched(connection, ports, port.id, columns, now_us)


def _begin(connection: Connection, task: Asked, wish: Wish, now_us: int) -> None:
    whole = Asked(
        kind=task.kind,
        target=task.target,
        steps=(Step(wish),),
        context=task.context,
        request_id=task.request_id,
        user_id=task.user_id,
    )
    tasks.begin(connection, whole, now_us)


def shape(connection: Connection, port_id: str) -> nics.NicShape:
    """
    A port as its cluster shall have it.
    """
    port = connection.execute(select(ports).where(ports.c.id == port_id)).one()
    given = addresses.of_ports(connection, [port_id]).get(port_id, [])
    ids = [one.subnet_id for one in given]
    of_guests = {
        row.id
        for row in connection.execute(select(subnets).where(subnets.c.id.in_(ids)))
        if is_automatic(row)
    }
    return nics.NicShape(
        port_id=port_id,
        network_id=port.network_id,
        mac_address=port.mac_address,
        addresses=tuple(one.ip_address for one in given if one.subnet_id not in of_guests),
        is_secure=port.port_security,
        security_groups=tuple(port_groups.of_ports(connection, [port_id]).get(port_id, ())),
        pairs=tuple(
            (pair["ip_address"], pair.get("mac_address", port.mac_address))
            for pair in port.allowed_pairs
        ),
        dhcp_options=tuple(
            (one["opt_name"], one["opt_value"], one["ip_version"])
            for one in port.dhcp_options
            if one["opt_value"] is not None
        ),
    )

"""
Security groups as servers' users name them: of all ports of a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, or_, select, update

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rows import actions_log
from synnefo_tx.compute.rows.acting import asked_of
from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import states
from synnefo_tx.errors import BadRequest, Conflict, NotFound
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.rows import plugging, port_groups
from synnefo_tx.network.rows.group_tables import (
    port_security_groups,
    security_group_rules,
    security_groups,
)
from synnefo_tx.network.rows.security_groups import ensure_default
from synnefo_tx.network.rows.tables import ports


@frozen
class Ruled:
    """
    A group and its rules, each with `remote_name` and `remote_project` of the group that it names.
    """

    row: Any
    rules: list[Any]


def named(connection: Connection, ask: Ask, names: Sequence[str]) -> tuple[str, ...]:
    """
    Ids of the project's groups that have these names or ids.  Raises BadRequest or Conflict in
    Nova's words.
    """
    project_id = ask.caller.project_id
    if "default" in names:
        ensure_default(connection, project_id, ask.now_us)
    return tuple(_one(connection, project_id, name) for name in names)


def of_server(connection: Connection, caller: Caller, server_id: str) -> list[Ruled]:
    """
    The groups of the server's ports.  Raises InstanceNotFound.
    """
    server = find_server(connection, caller, server_id)
    remote = security_groups.alias()
    found = []
    for row in _groups_of(connection, server.id):
        rules = connection.execute(
            select(
                security_group_rules,
                remote.c.name.label("remote_name"),
                remote.c.project_id.label("remote_project"),
            )
            .outerjoin(remote, remote.c.id == security_group_rules.c.remote_group_id)
            .where(security_group_rules.c.group_id == row.id)
            .order_by(security_group_rules.c.created_at, security_group_rules.c.id)
        )
        found.append(Ruled(row, list(rules)))
    return found


def add(connection: Connection, ask: Ask, name: str) -> None:
    """
    All of the server's ports are in the group, too.  Raises InstanceNotFound, InstanceLocked,
    NotFound, Conflict or BadRequest.
    """
    server = asked_of(connection, ask, states.ANYTHING)
    group_id = _existing(connection, ask, server.project_id, name)
    rows = _ports_of(connection, server.id)
    for port in rows:
        if not port.port_security:
            raise BadRequest(
                f"Cannot add security group {name} to {server.id} since the port {port.id} does "
                "not meet security requirements"
            )
    held = port_groups.of_ports(connection, [port.id for port in rows])
    for port in rows:
        _put(connection, ask, port, {*held.get(port.id, ()), group_id})
    _told(connection, ask, "addSecurityGroup")


def remove(connection: Connection, ask: Ask, name: str) -> None:
    """
    None of the server's ports is in the group.  Raises InstanceNotFound, InstanceLocked, NotFound
    or Conflict.
    """
    server = asked_of(connection, ask, states.ANYTHING)
    group_id = _existing(connection, ask, server.project_id, name)
    rows = _ports_of(connection, server.id)
    held = port_groups.of_ports(connection, [port.id for port in rows])
    members = [port for port in rows if group_id in held.get(port.id, ())]
    if not members:
        raise NotFound(f"Security group {name} not associated with the instance {server.id}")
    for port in members:
        _put(connection, ask, port, {*held[port.id]} - {group_id})
    _told(connection, ask, "removeSecurityGroup")


def _existing(connection: Connection, ask: Ask, project_id: str, name: str) -> str:
    if name == "default":
        ensure_default(connection, project_id, ask.now_us)
    try:
        return _one(connection, project_id, name)
    except BadRequest as error:
        raise NotFound(str(error)) from error


def _ports_of(connection: Connection, server_id: str) -> list[Any]:
    statement = select(ports).where(ports.c.device_id == server_id).order_by(ports.c.id)
    return list(connection.execute(statement.with_for_update()))


def _put(connection: Connection, ask: Ask, port: Any, group_ids: set[str]) -> None:
    port_groups.put(connection, port.id, group_ids)
    plugging.changed(connection, port, ask.now_us)


def _told(connection: Connection, ask: Ask, action: str) -> None:
    """
    The server is shown with the names of all its groups, and what was done is told.
    """
    names = sorted({row.name for row in _groups_of(connection, ask.server_id)})
    connection.execute(
        update(servers)
        .where(servers.c.id == ask.server_id)
        .values(security_groups=names, updated_at=ask.now_us)
    )
    actions_log.started(connection, ask, action)
    actions_log.ended(connection, ask.server_id, ask.request_id, ask.now_us)


def _groups_of(connection: Connection, server_id: str) -> list[Any]:
    its = (
        select(port_security_groups.c.group_id)
        .join(ports, ports.c.id == port_security_groups.c.port_id)
        .where(ports.c.device_id == server_id)
    )
    statement = select(security_groups).where(security_groups.c.id.in_(its))
    return list(connection.execute(statement.order_by(security_groups.c.name)))


def _one(connection: Connection, project_id: str, name: str) -> str:
    rows = connection.execute(
        select(security_groups.c.id).where(
            security_groups.c.project_id == project_id,
            or_(security_groups.c.id == name, security_groups.c.name == name),
        )
    ).all()
    ids: list[str] = [row.id for row in rows]
    if name in ids:
        return name
    if not ids:
        raise BadRequest(f"Security group {name} not found for project {project_id}.")
    if len(ids) > 1:
        raise Conflict(
            f"Multiple security groups found matching '{name}'. Use an ID to be more specific."
        )
    return ids[0]

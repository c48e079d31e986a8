"""
Lists of servers: filtered, ordered and cut into pages by the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    and_,
    cast,
    false,
    func,
    not_,
    or_,
    select,
    true,
)

from synnefo_tx.compute.rows.servers import find_server
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules.name_patterns import is_plain
from synnefo_tx.compute.rules.parameters import FALSE_WORDS, TRUE_WORDS
from synnefo_tx.compute.rules.server_queries import ServerQuery
from synnefo_tx.compute.rules.states import StateFilter
from synnefo_tx.errors import BadRequest
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network.rows.ports import of_devices
from synnefo_tx.network.rows.tables import port_addresses, ports, subnets
from synnefo_tx.store.keyset import SortKey, after, ordered

AnyRow = Row[Any]
Condition = ColumnElement[bool]


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, "")


_SORT: Mapping[str, ColumnElement[Any]] = {
    "access_ip_v4": _text(servers.c.access_ipv4),
    "access_ip_v6": _text(servers.c.access_ipv6),
    "auto_disk_config": servers.c.disk_config,
    "availability_zone": _text(servers.c.availability_zone),
    "config_drive": servers.c.config_drive,
    "created_at": servers.c.created_at,
    "display_description": _text(servers.c.description),
    "display_name": servers.c.name,
    "host": _text(servers.c.host),
    "hostname": servers.c.hostname,
    "image_ref": _text(servers.c.image_id),
    "instance_type_id": servers.c.flavor_id,
    "key_name": _text(servers.c.key_name),
    "launch_index": servers.c.launch_index,
    "launched_at": func.coalesce(servers.c.launched_at, 0),
    "locked": _text(servers.c.locked_by),
    "locked_by": _text(servers.c.locked_by),
    "node": _text(servers.c.host),
    "power_state": servers.c.power_state,
    "progress": servers.c.progress,
    "project_id": servers.c.project_id,
    "task_state": _text(servers.c.task_state),
    "terminated_at": func.coalesce(servers.c.deleted_at, 0),
    "updated_at": servers.c.updated_at,
    "user_id": servers.c.user_id,
    "uuid": servers.c.id,
    "vm_state": servers.c.vm_state,
}
_EXACT: Mapping[str, ColumnElement[Any]] = {
    "flavor": servers.c.flavor_id,
    "image": servers.c.image_id,
    "image_ref": servers.c.image_id,
    "reservation_id": servers.c.reservation_id,
    "uuid": servers.c.id,
    "host": servers.c.host,
    "node": servers.c.host,
    "key_name": servers.c.key_name,
    "vm_state": servers.c.vm_state,
    "task_state": servers.c.task_state,
    "user_id": servers.c.user_id,
    "project_id": servers.c.project_id,
    "tenant_id": servers.c.project_id,
    "access_ip_v4": servers.c.access_ipv4,
    "access_ip_v6": servers.c.access_ipv6,
    "auto_disk_config": servers.c.disk_config,
    "availability_zone": func.coalesce(servers.c.availability_zone, "nova"),
}
_NUMBERS: Mapping[str, ColumnElement[Any]] = {
    "power_state": servers.c.power_state,
    "progress": servers.c.progress,
    "launch_index": servers.c.launch_index,
}
_PATTERNS: Mapping[str, ColumnElement[Any]] = {
    "name": servers.c.name,
    "display_name": servers.c.name,
    "description": servers.c.description,
    "display_description": servers.c.description,
    "hostname": servers.c.hostname,
}


def list_servers(connection: Connection, caller: Caller, query: ServerQuery) -> list[AnyRow]:
    """
    One page.  Raises BadRequest for an unknown marker.
    """
    if query.limit == 0:
        return []
    seen = _seen(caller, query)
    statement = seen
    for condition in _conditions(query):
        statement = statement.where(condition)
    keys = [SortKey(_SORT[name], down) for name, down in query.order if name in _SORT]
    keys.append(SortKey(servers.c.id, keys[-1].descending if keys else True))
    if query.marker is not None:
        at = seen.with_only_columns(*(key.column for key in keys))
        found = connection.execute(at.where(servers.c.id == query.marker)).first()
        if found is None:
            raise BadRequest(f"marker [{query.marker}] not found")
        statement = statement.where(after(keys, tuple(found)))
    return list(connection.execute(ordered(statement, keys).limit(query.limit)))


def find_with_ports(
    connection: Connection, caller: Caller, server_id: str
) -> tuple[Any, list[Any]]:
    """
    A server and its ports.  Raises InstanceNotFound.
    """
    row = find_server(connection, caller, server_id)
    return row, of_devices(connection, [row.id])


def list_with_ports(
    connection: Connection, caller: Caller, query: ServerQuery
) -> tuple[list[Any], dict[str, list[Any]]]:
    """
    One page, and the ports of each server in it.  Raises BadRequest for an unknown marker.
    """
    found = list_servers(connection, caller, query)
    ports: dict[str, list[Any]] = {}
    if found:
        for port in of_devices(connection, [row.id for row in found]):
            ports.setdefault(port.device_id, []).append(port)
    return found, ports


def _seen(caller: Caller, query: ServerQuery) -> Select[Any]:
    statement = select(servers)
    if not query.all_projects:
        statement = statement.where(servers.c.project_id == caller.project_id)
    return statement


def _conditions(query: ServerQuery) -> list[Condition]:
    conditions = [_exact(name, value) for name, value in query.exact]
    conditions += [_pattern(name, value) for name, value in query.patterns]
    conditions += [_tagged(kind, names) for kind, names in query.tags]
    if query.states is not None:
        conditions.append(or_(false(), *(_in_state(state) for state in query.states)))
    if query.locked is not None:
        locked = servers.c.locked_by.is_not(None)
        conditions.append(locked if query.locked else not_(locked))
    if query.deleted is not None:
        gone = servers.c.deleted_at.is_not(None)
        conditions.append(gone if query.deleted else not_(gone))
    if query.changed_since is not None:
        conditions.append(servers.c.updated_at >= query.changed_since)
    if query.changed_before is not None:
        conditions.append(servers.c.updated_at <= query.changed_before)
    return conditions


def _in_state(state: StateFilter) -> Condition:
    within = servers.c.vm_state == state.vm_state
    if state.others:
        if not state.tasks:
            return within
        return and_(within, _text(servers.c.task_state).not_in(state.tasks))
    return and_(within, servers.c.task_state.in_(state.tasks))


def _exact(name: str, value: str) -> Condition:
    if name in _NUMBERS:
        return _NUMBERS[name] == int(value) if _is_number(value) else false()
    if name == "config_drive":
        if value in TRUE_WORDS:
            return servers.c.config_drive
        return not_(servers.c.config_drive) if value in FALSE_WORDS else false()
    return _EXACT[name] == value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _pattern(name: str, value: str) -> Condition:
    if name in ("ip", "ip6"):
        version = 4 if name == "ip" else 6
        holders = (
            select(ports.c.device_id)
            .join(port_addresses, port_addresses.c.port_id == ports.c.id)
            .join(subnets, subnets.c.id == port_addresses.c.subnet_id)
            .where(subnets.c.ip_version == version, _like(port_addresses.c.ip_address, value))
        )
        return servers.c.id.in_(holders)
    return _like(_PATTERNS[name], value)


def _like(column: ColumnElement[Any], pattern: str) -> Condition:
    if is_plain(pattern):
        return column.icontains(pattern, autoescape=True)
    return column.regexp_match(pattern)


def _tagged(kind: str, names: tuple[str, ...]) -> Condition:
    held = [_has_tag(name) for name in names]
    match kind:
        case "tags":
            return and_(true(), *held)
        case "tags-any":
            return or_(false(), *held)
        case "not-tags":
            return not_(and_(true(), *held))
    return not_(or_(false(), *held))


def _has_tag(name: str) -> Condition:
    # replace() minds the case on every database, which LIKE does not; the column holds JSON.
    text = cast(servers.c.tags, String)
    return func.replace(text, json.dumps(name), "") != text

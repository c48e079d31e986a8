"""
Changes of the configuration in the journal's tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from ganetid.cluster.configuration import Snapshot
from ganetid.cluster.model import (
    AddDebris,
    Change,
    ClusterFacts,
    Debris,
    DropDebris,
    DropFilter,
    DropGroup,
    DropInstance,
    DropMember,
    DropNetwork,
    DropRouter,
    DropSecurityGroup,
    FilterRule,
    Group,
    Instance,
    Member,
    Network,
    PutFacts,
    PutFilter,
    PutGroup,
    PutInstance,
    PutMember,
    PutNetwork,
    PutRouter,
    PutSecurityGroup,
)
from ganetid.cluster.wiring import Router, SecurityGroup

_encode = msgspec.json.encode

TABLES: dict[type[Any], str] = {
    PutInstance: "instances",
    DropInstance: "instances",
    PutNetwork: "networks",
    DropNetwork: "networks",
    PutSecurityGroup: "security_groups",
    DropSecurityGroup: "security_groups",
    PutRouter: "routers",
    DropRouter: "routers",
    PutMember: "members",
    DropMember: "members",
    PutGroup: "groups",
    DropGroup: "groups",
    PutFilter: "filters",
    DropFilter: "filters",
}


def store(connection: sqlite3.Connection, change: Change) -> None:
    """Store one change."""
    match change:
        case PutInstance(thing) | PutNetwork(thing) | PutMember(thing) | PutGroup(thing):
            _put(connection, TABLES[type(change)], thing.name, thing)
        case PutSecurityGroup(thing) | PutRouter(thing):
            _put(connection, TABLES[type(change)], thing.name, thing)
        case DropSecurityGroup(name) | DropRouter(name):
            _drop(connection, TABLES[type(change)], "name", name)
        case PutFilter(rule):
            _put(connection, "filters", rule.uuid, rule)
        case DropInstance(name) | DropNetwork(name) | DropMember(name) | DropGroup(name):
            _drop(connection, TABLES[type(change)], "name", name)
        case DropFilter(uuid):
            _drop(connection, "filters", "uuid", uuid)
        case PutFacts(facts):
            put_fact(connection, "cluster", _encode(facts))
        case AddDebris(debris):
            connection.execute("INSERT OR IGNORE INTO debris VALUES (?)", (_encode(debris),))
        case DropDebris(debris):
            connection.execute("DELETE FROM debris WHERE document = ?", (_encode(debris),))


def read_snapshot(connection: sqlite3.Connection, facts: ClusterFacts) -> Snapshot:
    """Everything durable about the cluster."""
    return Snapshot(
        facts=facts,
        instances=tuple(documents(connection, "SELECT document FROM instances", Instance)),
        networks=tuple(documents(connection, "SELECT document FROM networks", Network)),
        debris=tuple(documents(connection, "SELECT document FROM debris", Debris)),
        members=tuple(documents(connection, "SELECT document FROM members", Member)),
        groups=tuple(documents(connection, "SELECT document FROM groups", Group)),
        security_groups=tuple(
            documents(connection, "SELECT document FROM security_groups", SecurityGroup)
        ),
        routers=tuple(documents(connection, "SELECT document FROM routers", Router)),
    )


def read_filters(connection: sqlite3.Connection) -> tuple[FilterRule, ...]:
    """The job queue's rules."""
    return tuple(documents(connection, "SELECT document FROM filters", FilterRule))


def put_fact(connection: sqlite3.Connection, key: str, document: bytes) -> None:
    """Remember a single document."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, document))


def get_fact(connection: sqlite3.Connection, key: str) -> bytes | None:
    """The document remembered under this key."""
    row = connection.execute("SELECT document FROM facts WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def documents(
    connection: sqlite3.Connection, query: str, kind: type[Any], values: tuple[Any, ...] = ()
) -> Iterable[Any]:
    """The values in the first column of a query's rows."""
    for (document,) in connection.execute(query, values):
        yield msgspec.json.decode(document, type=kind)


def _put(connection: sqlite3.Connection, table: str, name: str, thing: Any) -> None:
    statement = f"INSERT OR REPLACE INTO {table} VALUES (?, ?)"  # noqa: S608 - our own names
    connection.execute(statement, (name, _encode(thing)))


def _drop(connection: sqlite3.Connection, table: str, column: str, name: str) -> None:
    connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (name,))  # noqa: S608

"""
A database full of servers: copies of one that the API made, with its ports and volumes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, func, insert, select

CHUNK = 1000
SECOND_US = 1_000_000
# What belongs to a server, by the column that names it; and what belongs to that.
OF_SERVER = {"ports": "device_id", "volumes": "server_id"}
OF_THOSE = {"port_addresses": ("ports", "port_id")}


@frozen
class Family:
    """
    One server's rows, by table.
    """

    rows: Mapping[str, list[dict[str, Any]]]

    def copy(self, number: int) -> Mapping[str, list[dict[str, Any]]]:
        """
        The rows of another, the `number`-th: younger by seconds, at addresses of its own.
        """
        names = {
            row["id"]: str(uuid.uuid4())
            for rows in self.rows.values()
            for row in rows
            if "id" in row
        }
        return {
            table: [_changed(row, names, number) for row in rows]
            for table, rows in self.rows.items()
        }


def engine_of(database: Path) -> Engine:
    """
    For the file that an API has open.
    """
    return create_engine(f"sqlite:///{database}")


@contextmanager
def _opened(database: Path) -> Iterator[tuple[Connection, Mapping[str, Table]]]:
    """
    The database's tables as they are there, so that nothing is told twice of their columns.
    """
    engine = engine_of(database)
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        yield connection, found.tables
    engine.dispose()


def servers_in(database: Path) -> int:
    """
    How many there are.
    """
    with _opened(database) as (connection, tables):
        return int(
            connection.execute(select(func.count()).select_from(tables["servers"])).scalar_one()
        )


def fill(database: Path, server_id: str, until: int) -> None:
    """
    Copy the server until there are `until`.
    """
    there = servers_in(database)
    with _opened(database) as (connection, tables):
        family = _family(connection, tables, server_id)
        for first in range(there, until, CHUNK):
            many = [family.copy(number) for number in range(first, min(first + CHUNK, until))]
            for name in family.rows:
                rows = [row for one in many for row in one[name]]
                if rows:
                    connection.execute(insert(tables[name]), rows)
            connection.commit()


def _family(connection: Connection, tables: Mapping[str, Table], server_id: str) -> Family:
    def rows(table: str, column: str, ids: list[str]) -> list[dict[str, Any]]:
        if table not in tables:
            return []
        found = tables[table]
        statement = select(found).where(found.c[column].in_(ids))
        return [dict(row) for row in connection.execute(statement).mappings()]

    family = {"servers": rows("servers", "id", [server_id])}
    for name, column in OF_SERVER.items():
        family[name] = rows(name, column, [server_id])
    for name, (parent, column) in OF_THOSE.items():
        family[name] = rows(name, column, [row["id"] for row in family[parent]])
    return Family(family)


def _changed(row: Mapping[str, Any], names: Mapping[str, str], number: int) -> dict[str, Any]:
    changed = {
        column: names.get(value, value) if isinstance(value, str) else value
        for column, value in row.items()
    }
    if row.get("vm_state"):
        changed |= {"vm_state": "active", "task_state": None, "power_state": 1, "host": "node1"}
        changed |= {"name": f"server-{number}", "task_effect_id": None}
    if row.get("created_at"):
        changed["created_at"] = row["created_at"] + number * SECOND_US
    if row.get("mac_address"):
        changed["mac_address"] = "fa:16:3e:" + ":".join(
            f"{number:06x}"[at : at + 2] for at in (0, 2, 4)
        )
    if row.get("ip_address"):
        changed["ip_address"] = str(ip_address(row["ip_address"]) + number)
        changed["ip_offset"] = row["ip_offset"] + number
    return changed

"""
Units of work on the resources that are counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from synnefo_tx.quota.registered import REGISTERED, Resource
from synnefo_tx.quota.rows.tables import resources


def ensure(connection: Connection, registered: Iterable[Resource] = REGISTERED) -> None:
    """
    Resources that aren't known yet are registered; of known ones the words are brought up to date,
    and the defaults and visibility, which an administrator may have changed, are left alone.
    """
    known = {row.name: row for row in listed(connection)}
    for one in registered:
        words = {"service": one.service, "unit": one.unit, "description": one.description}
        row = known.get(one.name)
        if row is None:
            connection.execute(insert(resources).values(name=one.name, **words, **_numbers(one)))
        elif any(getattr(row, name) != text for name, text in words.items()):
            this = resources.c.name == one.name
            connection.execute(update(resources).where(this).values(**words))


def _numbers(one: Resource) -> dict[str, Any]:
    system = one.project_default if one.system_default is None else one.system_default
    return {
        "system_default": system,
        "project_default": one.project_default,
        "ui_visible": one.ui_visible,
        "api_visible": one.api_visible,
    }


def listed(connection: Connection) -> list[Row[Any]]:
    """
    Every resource, by name.
    """
    return list(connection.execute(select(resources).order_by(resources.c.name)))


def names_of_service(connection: Connection, service: str) -> frozenset[str]:
    """
    The names of what the service counts; of everything when no service is called that.
    """
    rows = listed(connection)
    own = frozenset(row.name for row in rows if row.service == service)
    return own or frozenset(row.name for row in rows)

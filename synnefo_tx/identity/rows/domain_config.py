"""
Units of work on the options that a domain keeps of its own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, true

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import domain_options as table
from synnefo_tx.identity.rows.kinds import DOMAIN
from synnefo_tx.identity.rules.domain_config import SECRET, Config, DomainConfigNotFound


def read(
    connection: Connection, domain_id: str, group: str | None = None, option: str | None = None
) -> dict[str, dict[str, Any]]:
    """
    The options, without secrets.  Raises AccountNotFound and DomainConfigNotFound.
    """
    things.fetch(connection, DOMAIN, domain_id)
    wanted = select(table).where(_there(domain_id, group, option))
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(wanted.order_by(table.c.group, table.c.option)):
        if (row.group, row.option) not in SECRET:
            found.setdefault(row.group, {})[row.option] = row.value
    if not found:
        raise DomainConfigNotFound(domain_id, group, option)
    return found


def replace(
    connection: Connection, domain_id: str, config: Config
) -> tuple[dict[str, dict[str, Any]], bool]:
    """
    These options and no others; and whether there were none before.  Raises AccountNotFound.
    """
    things.fetch(connection, DOMAIN, domain_id)
    gone = connection.execute(delete(table).where(_there(domain_id)))
    _insert(connection, domain_id, config)
    return _told(connection, domain_id), not gone.rowcount


def change(
    connection: Connection,
    domain_id: str,
    config: Config,
    group: str | None,
    option: str | None,
) -> dict[str, dict[str, Any]]:
    """
    These options beside the others.  Raises AccountNotFound, and DomainConfigNotFound when the
    group or option to change is not there.
    """
    things.fetch(connection, DOMAIN, domain_id)
    if group:
        _check_there(connection, domain_id, group, option)
    for name, options in config.items():
        for each in options:
            connection.execute(delete(table).where(_there(domain_id, name, each)))
    _insert(connection, domain_id, config)
    return _told(connection, domain_id)


def remove(connection: Connection, domain_id: str, group: str | None, option: str | None) -> None:
    """
    The options go.  Raises AccountNotFound, and DomainConfigNotFound as for a change.
    """
    things.fetch(connection, DOMAIN, domain_id)
    if group:
        _check_there(connection, domain_id, group, option)
    connection.execute(delete(table).where(_there(domain_id, group, option)))


def _told(connection: Connection, domain_id: str) -> dict[str, dict[str, Any]]:
    """
    As `read`; nothing when there are secrets alone.
    """
    try:
        return read(connection, domain_id)
    except DomainConfigNotFound:
        return {}


def _check_there(connection: Connection, domain_id: str, group: str, option: str | None) -> None:
    wanted = select(table.c.option).where(_there(domain_id, group, option)).limit(1)
    if connection.execute(wanted).first() is None:
        raise DomainConfigNotFound(domain_id, group, option)


def _insert(connection: Connection, domain_id: str, config: Config) -> None:
    rows = [
        {"domain_id": domain_id, "group": group, "option": option, "value": value}
        for group, options in config.items()
        for option, value in options.items()
    ]
    connection.execute(insert(table), rows)


def _there(
    domain_id: str, group: str | None = None, option: str | None = None
) -> ColumnElement[bool]:
    return and_(
        table.c.domain_id == domain_id,
        table.c.group == group if group else true(),
        table.c.option == option if option else true(),
    )

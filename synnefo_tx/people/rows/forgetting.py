"""
Units of work that leave nothing of users and groups that go.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, delete, select

from synnefo_tx.identity.rows.tables import groups, users
from synnefo_tx.people.external.rows.tables import (
    external_accounts,
    external_grants,
    external_groups,
    external_memberships,
)
from synnefo_tx.people.rows.address_tables import verified_addresses
from synnefo_tx.people.rows.link_tables import links
from synnefo_tx.people.rows.tables import people, signed_terms

_OF_USERS = (
    people,
    signed_terms,
    links,
    verified_addresses,
    external_accounts,
    external_memberships,
    external_grants,
)
_OF_GROUPS = (external_groups, external_memberships)


def forget(connection: Connection, user_id: str) -> None:
    """
    Nothing is known here of a user who is gone.
    """
    _forget(connection, _OF_USERS, "user_id", [user_id])


def forget_group(connection: Connection, group_id: str) -> None:
    """
    Nor of a group.
    """
    _forget(connection, _OF_GROUPS, "group_id", [group_id])


def forget_domain(connection: Connection, domain_id: str) -> None:
    """
    Nor of the users and groups in a domain, which are there still.
    """
    for tables, column, inside in (
        (_OF_USERS, "user_id", users),
        (_OF_GROUPS, "group_id", groups),
    ):
        theirs = select(inside.c.id).where(inside.c.domain_id == domain_id)
        _forget(connection, tables, column, theirs)


def _forget(connection: Connection, tables: tuple[Table, ...], column: str, whose: Any) -> None:
    for table in tables:
        connection.execute(delete(table).where(table.c[column].in_(whose)))

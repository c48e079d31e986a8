"""
Units of work on registered clients.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from synnefo_tx.identity.rows.things import Kind
from synnefo_tx.openid.model import Client
from synnefo_tx.openid.rows import tables
from synnefo_tx.openid.rows.tables import clients

CLIENT = Kind("client", "clients", clients)
PLAIN = ("id", "name", "auth_method", "secret_digest", "may_introspect", "trusted", "enabled")


def find(connection: Connection, client_id: str) -> Client | None:
    """
    The client with this id, enabled or not.
    """
    if "\0" in client_id:  # PostgreSQL has no text with it
        return None
    row = connection.execute(select(clients).where(clients.c.id == client_id)).first()
    return client_of(row) if row else None


def client_of(row: Any) -> Client:
    """
    A row of the table.
    """
    return Client(
        redirect_uris=tuple(row.redirect_uris),
        scopes=tuple(row.scopes),
        **{name: getattr(row, name) for name in PLAIN},
    )


def end_grants(connection: Connection, client_id: str) -> None:
    """
    All that the client was given is worth nothing any more.
    """
    connection.execute(delete(tables.grants).where(tables.grants.c.client_id == client_id))

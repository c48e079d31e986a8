"""
Units of work on what users have let clients do.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.errors import NotFound
from synnefo_tx.openid.rows.tables import clients, consents, grants


class NoConsent(NotFound):
    """
    The user has given that client none.
    """

    def __init__(self, client_id: str) -> None:
        super().__init__(f"Could not find consent: {client_id}.")


def given(connection: Connection, user_id: str, client_id: str) -> frozenset[str]:
    """
    The scopes that the client may have without asking the user again.
    """
    found = connection.execute(select(consents.c.scopes).where(_of(user_id, client_id))).scalar()
    return frozenset(found or ())


def give(
    connection: Connection, user_id: str, client_id: str, scopes: Iterable[str], now: int
) -> None:
    """
    Remember that the user lets the client have these, beside what was given before.
    """
    all_of_them = sorted(given(connection, user_id, client_id) | set(scopes))
    changed = (
        update(consents).where(_of(user_id, client_id)).values(scopes=all_of_them, given_at=now)
    )
    if connection.execute(changed).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(
                insert(consents).values(
                    user_id=user_id, client_id=client_id, scopes=all_of_them, given_at=now
                )
            )
    except IntegrityError as error:
        if "foreign key" in str(error.orig).lower():
            raise
        connection.execute(changed)  # another page of the same user was quicker


def list_of(connection: Connection, user_id: str) -> list[dict[str, object]]:
    """
    What the user has given: client_id, name, scopes, given_at.
    """
    rows = connection.execute(
        select(consents.c.client_id, clients.c.name, consents.c.scopes, consents.c.given_at)
        .join(clients, clients.c.id == consents.c.client_id)
        .where(consents.c.user_id == user_id)
        .order_by(consents.c.client_id)
    )
    return [dict(row) for row in rows.mappings()]


def take_back(connection: Connection, user_id: str, client_id: str) -> None:
    """
    The client has to ask again, and loses what it has.  Raises NoConsent.
    """
    if not connection.execute(delete(consents).where(_of(user_id, client_id))).rowcount:
        raise NoConsent(client_id)
    connection.execute(
        delete(grants).where(grants.c.user_id == user_id, grants.c.client_id == client_id)
    )


def _of(user_id: str, client_id: str) -> ColumnElement[bool]:
    return (consents.c.user_id == user_id) & (consents.c.client_id == client_id)

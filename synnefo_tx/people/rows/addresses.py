"""
Units of work on verified addresses: in a domain, each belongs to one user.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.people.errors import AddressTaken
from synnefo_tx.people.rows.address_tables import verified_addresses as table


def owner_of(connection: Connection, domain_id: str, email: str) -> str:
    """
    Id of the user who has shown to read the address; "": nobody's.  email: in small letters.
    """
    wanted = select(table.c.user_id).where(table.c.domain_id == domain_id, table.c.email == email)
    return connection.scalar(wanted) or ""


def claim(connection: Connection, domain_id: str, email: str, user_id: str) -> None:
    """
    The address is the user's, in the place of the one before.  Raises AddressTaken.
    """
    if owner_of(connection, domain_id, email) == user_id:
        return
    row = {"domain_id": domain_id, "email": email, "user_id": user_id}
    try:
        with connection.begin_nested():
            release(connection, user_id)
            connection.execute(insert(table).values(row))
    except IntegrityError as error:  # also of a transaction that was quicker
        raise AddressTaken from error


def release(connection: Connection, user_id: str) -> None:
    """
    The user has no address any more.
    """
    connection.execute(delete(table).where(table.c.user_id == user_id))


def of_user(connection: Connection, user_id: str) -> str:
    """
    The address that the user has verified; "": none.
    """
    return connection.scalar(select(table.c.email).where(table.c.user_id == user_id)) or ""

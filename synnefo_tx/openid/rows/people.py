"""
Units of work on those who log in here, and what ends with their tokens.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select

from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows.tables import domains, users
from synnefo_tx.openid.model import Person
from synnefo_tx.openid.rows.tables import grants, sessions
from synnefo_tx.people.rows.address_tables import verified_addresses


def stands(connection: Connection, user_id: str) -> bool:
    """
    Whether the user and the user's domain are enabled.  It stays so until the transaction ends:
    what it gives is seen by one that disables the user.
    """
    wanted = (
        select(users.c.id)
        .join(domains, domains.c.id == users.c.domain_id)
        .where(users.c.id == user_id, users.c.enabled, domains.c.enabled)
        .with_for_update(read=True)
    )
    return connection.execute(wanted).first() is not None


def person_of(connection: Connection, row: Row[Any]) -> Person:
    """
    What is known of a user.  row: user_id, name, domain_id and extra.
    """
    details = dict(row.extra or {})
    email = details.get("email")
    owned = False
    if isinstance(email, str):
        mine = (
            (verified_addresses.c.domain_id == row.domain_id)
            & (verified_addresses.c.email == email.strip().lower())
            & (verified_addresses.c.user_id == row.user_id)
        )
        owned = (
            connection.execute(select(verified_addresses.c.user_id).where(mine)).first() is not None
        )
    return Person(row.user_id, row.name, details, owned)


def end_of(connection: Connection, revocation: Revocation) -> None:
    """
    Where all tokens of a user or a domain are revoked, browsers are logged out and clients lose
    what they were given, for good: being enabled again brings nothing back.
    """
    whose: Any
    if revocation.kind is RevocationKind.USER:
        whose = [revocation.subject]
    elif revocation.kind is RevocationKind.DOMAIN:
        whose = select(users.c.id).where(users.c.domain_id == revocation.subject)
    else:
        return
    for table in (sessions, grants):
        of_them: ColumnElement[bool] = table.c.user_id.in_(whose)
        connection.execute(delete(table).where(of_them))

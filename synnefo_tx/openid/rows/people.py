"""
Units of work on those who log in here, and what ends with their tokens.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select

from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows.tables import domains, users
from synnefo_tx.openid.rows.tables import grants, sessions


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

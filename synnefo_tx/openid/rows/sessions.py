"""
Units of work on browsers in which somebody is logged in.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.rows.tables import domains, users
from synnefo_tx.openid.model import Session
from synnefo_tx.openid.rows.people import stands
from synnefo_tx.openid.rows.tables import sessions
from synnefo_tx.openid.unguessable import digest

LIFETIME_S = 12 * 3600


def begin(
    connection: Connection, text: str, user_id: str, methods: tuple[str, ...], now: int
) -> Session:
    """
    The browser that shows `text` is the user's from now on.  Raises NotAuthenticated for one who
    was disabled meanwhile.
    """
    if not stands(connection, user_id):
        raise NotAuthenticated
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    connection.execute(
        insert(sessions).values(
            digest=digest(text),
            user_id=user_id,
            methods=list(methods),
            logged_in_at=now,
            expires_at=now + LIFETIME_S,
        )
    )
    found = find(connection, text, now)
    assert found is not None
    return found


def find(connection: Connection, text: str, now: int) -> Session | None:
    """
    Who is logged in with the browser that shows `text`.
    """
    row = connection.execute(
        select(sessions, users.c.name)
        .join(users, users.c.id == sessions.c.user_id)
        .join(domains, domains.c.id == users.c.domain_id)
        .where(sessions.c.digest == digest(text), sessions.c.expires_at > now)
        .where(users.c.enabled, domains.c.enabled)
    ).first()
    if row is None:
        return None
    return Session(row.digest, row.user_id, row.name, tuple(row.methods), row.logged_in_at)


def end(connection: Connection, text: str) -> None:
    """
    Nobody is logged in with that browser any more.
    """
    connection.execute(delete(sessions).where(sessions.c.digest == digest(text)))


def end_all(connection: Connection, user_id: str) -> None:
    """
    The user is logged in with no browser any more.
    """
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))

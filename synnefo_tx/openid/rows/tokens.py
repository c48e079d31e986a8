"""
Units of work on tokens that are shown: what they are, and their end.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from synnefo_tx.identity.rows.tables import domains, users
from synnefo_tx.openid.model import Held
from synnefo_tx.openid.rows.grants import REFRESH, end, grant_of
from synnefo_tx.openid.rows.tables import clients, grants, tokens
from synnefo_tx.openid.unguessable import digest


def held(connection: Connection, text: str, now: int) -> Held | None:
    """
    What the token is.  None: it is worth nothing, for its user or its client was disabled as well.
    """
    row = connection.execute(
        select(tokens)
        .join(grants, grants.c.id == tokens.c.grant_id)
        .join(clients, clients.c.id == grants.c.client_id)
        .join(users, users.c.id == grants.c.user_id)
        .join(domains, domains.c.id == users.c.domain_id)
        .where(tokens.c.digest == digest(text), tokens.c.used.is_(False))
        .where(tokens.c.expires_at > now, grants.c.expires_at > now)
        .where(clients.c.enabled, users.c.enabled, domains.c.enabled)
    ).first()
    grant = grant_of(connection, row.grant_id) if row else None
    if row is None or grant is None:
        return None
    return Held(row.kind, grant, tuple(row.scopes), row.issued_at, row.expires_at)


def revoke(connection: Connection, text: str, client_id: str) -> None:
    """
    The client's token is worth nothing any more; with a refresh token, nor is any other of its
    grant.  Another's tokens stay.

    Source: RFC 7009 2.1.
    """
    row = connection.execute(
        select(tokens.c.kind, tokens.c.grant_id)
        .join(grants, grants.c.id == tokens.c.grant_id)
        .where(tokens.c.digest == digest(text), grants.c.client_id == client_id)
    ).first()
    if row is None:
        return
    if row.kind == REFRESH:
        end(connection, row.grant_id)
    else:
        connection.execute(delete(tokens).where(tokens.c.digest == digest(text)))

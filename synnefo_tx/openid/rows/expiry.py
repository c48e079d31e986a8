"""
Rows of the provider that are good for nothing any more.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, select

from synnefo_tx.openid.rows.tables import codes, grants, sessions, tokens

CODES_KNOWN_S = 3600  # a code that is shown again within that time ends its grant


def forget_expired(connection: Connection, now: int) -> None:
    """
    Log-ins of browsers and tokens that have ended, and grants that nothing is left of.  now:
    seconds.
    """
    for table in (sessions, tokens, grants):
        connection.execute(delete(table).where(table.c.expires_at <= now))
    fresh = exists(
        select(codes.c.digest).where(
            codes.c.grant_id == grants.c.id, codes.c.expires_at > now - CODES_KNOWN_S
        )
    )
    held = exists(select(tokens.c.digest).where(tokens.c.grant_id == grants.c.id))
    connection.execute(delete(grants).where(~fresh, ~held))

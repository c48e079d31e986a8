"""
Links used up while nobody else changes their user.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.people.errors import LinkWorthless
from synnefo_tx.people.rows import links
from synnefo_tx.people.rows.factors import locked


def taken(connection: Connection, kind: links.Kind, value: str, now: int) -> links.Link:
    """
    The link, which is used by that; its user is locked first, so that several links of one user
    wait for one another and never in a circle.  Raises LinkWorthless.
    """
    seen = links.look(connection, kind, value, now)
    if seen is None:
        raise LinkWorthless
    try:
        locked(connection, seen.user_id)
    except AccountNotFound as error:
        raise LinkWorthless from error
    link = links.take(connection, kind, value, now)
    if link is None:
        raise LinkWorthless
    return link

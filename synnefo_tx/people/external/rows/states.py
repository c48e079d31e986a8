"""
Units of work on log-ins whose browser has come back.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import IntegrityError

from synnefo_tx.people.external.rows.tables import used_states


def use(connection: Connection, state: str, expires_at: int, now: int) -> bool:
    """
    The log-in of this state goes on.  False: it has been used.  expires_at: when the state is worth
    nothing anyway.  Both in seconds.
    """
    connection.execute(delete(used_states).where(used_states.c.expires_at < now))
    row = {"state_hash": hashlib.sha256(state.encode()).hexdigest(), "expires_at": expires_at}
    try:
        with connection.begin_nested():
            connection.execute(insert(used_states).values(row))
    except IntegrityError:
        return False
    return True

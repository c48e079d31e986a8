"""
Units of work on second factors: credentials of type "totp", each code of which is good once.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from synnefo_tx.identity.rows.delegation_tables import credentials
from synnefo_tx.identity.rules.totp import ENROLLED, TOTP, USED


def sealed_factors(connection: Connection, user_id: str) -> tuple[tuple[str, str], ...]:
    """
    Ids and sealed secrets of the user's second factors.
    """
    wanted = select(credentials.c.id, credentials.c.blob).where(
        credentials.c.user_id == user_id, credentials.c.type == TOTP
    )
    return tuple((row.id, row.blob) for row in connection.execute(wanted))


def enrolled(connection: Connection, user_id: str) -> str:
    """
    Id of the factor that the user has enrolled; "": none.
    """
    wanted = select(credentials.c.id, credentials.c.extra).where(
        credentials.c.user_id == user_id, credentials.c.type == TOTP
    )
    found = (row.id for row in connection.execute(wanted) if row.extra.get(ENROLLED))
    return next(found, "")


def use_code(connection: Connection, credential_id: str, step: int) -> bool:
    """
    Use up the code of this step of time, and those before it.  False: it was used already, or the
    factor is gone.  Of several at once, one wins.
    """
    row = connection.execute(
        select(credentials.c.extra).where(credentials.c.id == credential_id).with_for_update()
    ).first()
    if row is None or step <= row.extra.get(USED, -1):
        return False
    connection.execute(
        update(credentials)
        .where(credentials.c.id == credential_id)
        .values(extra={**row.extra, USED: step})
    )
    return True

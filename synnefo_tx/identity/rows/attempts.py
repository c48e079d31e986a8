"""
Units of work on log-ins: what went wrong in a row, and when a user was here last.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.rows.accounts import user_of
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.identity.rules.attempts import is_held


def failed(connection: Connection, user_id: str, now: int) -> None:
    """
    One more wrong password in a row.  now: seconds.
    """
    connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(failed_logins=users.c.failed_logins + 1, failed_login_at=now)
    )


def succeeded(connection: Connection, user_id: str, policy: SecurityCompliance, now: int) -> bool:
    """
    The right password was given.  False: wrong ones were counted meanwhile, and no log-in is taken
    at present.
    """
    wanted = select(users).where(users.c.id == user_id).with_for_update()
    row = connection.execute(wanted).first()
    if row is None or is_held(policy, user_of(row), now):
        return False
    connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(failed_logins=0, failed_login_at=None, last_active_at=now)
    )
    return True

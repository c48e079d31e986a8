"""
Units of work on recovery codes.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select

from synnefo_tx.identity.rows.recovery_tables import recovery_codes as table


def use(connection: Connection, user_id: str, digest: str) -> bool:
    """
    Use a code up.  False: the user has none such.  Of several at once, one wins.
    """
    mine = (table.c.user_id == user_id) & (table.c.code_hash == digest)
    return bool(connection.execute(delete(table).where(mine)).rowcount)


def renew(connection: Connection, user_id: str, digests: Iterable[str]) -> None:
    """
    The user has these codes, and those before are worth nothing.
    """
    connection.execute(delete(table).where(table.c.user_id == user_id))
    rows = [{"user_id": user_id, "code_hash": digest} for digest in digests]
    if rows:
        connection.execute(insert(table), rows)


def left(connection: Connection, user_id: str) -> int:
    """
    How many codes the user has.
    """
    wanted = select(func.count()).select_from(table).where(table.c.user_id == user_id)
    return int(connection.scalar(wanted) or 0)

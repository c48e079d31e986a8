"""
Leases: of several processes at one database, one holds a name for a while.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, String, Table, delete, insert, or_, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.store.metadata import metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("ends_at", BigInteger, nullable=False),  # seconds since the epoch
)


def take(connection: Connection, name: str, holder: str, now: int, lease_s: int) -> bool:
    """
    Whether `holder` has the lease until now + lease_s; one that it holds already becomes longer.
    False: another's has not ended.
    """
    free = or_(leases.c.holder == holder, leases.c.ends_at <= now)
    ours = {"holder": holder, "ends_at": now + lease_s}
    if connection.execute(update(leases).where(leases.c.name == name, free).values(ours)).rowcount:
        return True
    try:
        with connection.begin_nested():
            connection.execute(insert(leases).values(name=name, **ours))
    except IntegrityError:
        return False
    return True


def give_back(connection: Connection, name: str, holder: str) -> None:
    """
    Another may take it at once, if it is the holder's.
    """
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

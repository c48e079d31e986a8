"""
Taking and giving back quota, inside the caller's own transaction.

One conditional UPDATE a resource: two requests for the last unit can't both win.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.errors import OverQuota
from synnefo_tx.quota.rows.tables import holdings

# cores, MiB of memory, servers, volumes, GiB, key pairs (a user's, checked by compute)
DEFAULT_LIMITS = {
    "instances": 20,
    "cores": 40,
    "ram": 51200,
    "volumes": 40,
    "gigabytes": 1000,
    "ports": 500,
}


@frozen
class Holding:
    """
    limit -1 means none.
    """

    limit: int
    used: int


class Exceeded(OverQuota):
    """
    Taking `asked` of `resource` would pass its limit.
    """

    def __init__(self, resource: str, asked: int, holding: Holding) -> None:
        super().__init__(
            f"Quota exceeded for {resource}: Requested {asked}, but already used "
            f"{holding.used} of {holding.limit} {resource}"
        )
        self.resource = resource


def take(connection: Connection, project_id: str, amounts: Mapping[str, int]) -> None:
    """
    Charge `amounts` (resource -> how many) to the project.  Raises Exceeded; the caller's
    transaction must then be rolled back.
    """
    for resource, amount in sorted(amounts.items()):  # one order, so that no two wait in a ring
        _ensure(connection, project_id, resource)
        changed = connection.execute(
            update(holdings)
            .where(
                holdings.c.project_id == project_id,
                holdings.c.resource == resource,
                or_(holdings.c.limit < 0, holdings.c.used + amount <= holdings.c.limit),
            )
            .values(used=holdings.c.used + amount)
        )
        if changed.rowcount != 1:
            raise Exceeded(resource, amount, held(connection, project_id)[resource])


def give_back(connection: Connection, project_id: str, amounts: Mapping[str, int]) -> None:
    """
    Return what `take` charged.
    """
    for resource, amount in sorted(amounts.items()):
        connection.execute(
            update(holdings)
            .where(holdings.c.project_id == project_id, holdings.c.resource == resource)
            .values(used=holdings.c.used - amount)
        )


def held(connection: Connection, project_id: str) -> dict[str, Holding]:
    """
    Every resource's limit and use; defaults where the project has no row yet.
    """
    rows = connection.execute(select(holdings).where(holdings.c.project_id == project_id))
    found = {row.resource: Holding(row.limit, row.used) for row in rows}
    return {name: Holding(limit, 0) for name, limit in DEFAULT_LIMITS.items()} | found


def _ensure(connection: Connection, project_id: str, resource: str) -> None:
    known = connection.execute(
        select(holdings.c.used).where(
            holdings.c.project_id == project_id, holdings.c.resource == resource
        )
    ).first()
    if known is not None:
        return
    row = {
        "project_id": project_id,
        "resource": resource,
        "limit": DEFAULT_LIMITS[resource],
        "used": 0,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(holdings).values(**row))
    except IntegrityError:
        pass  # another transaction was quicker (PostgreSQL only); its row is as good as ours

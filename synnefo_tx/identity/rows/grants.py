"""
Units of work on role assignments: who holds which role where.
"""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.identity.rows.tables import assignments


@frozen
class Grant:
    """
    actor_kind: "user" or "group".  target_kind: "project", "domain" or "system" (whose id is
    "all").  inherited: it holds below the target and not on it.
    """

    actor_kind: str
    actor_id: str
    target_kind: str
    target_id: str
    role_id: str
    inherited: bool = False


def grant(connection: Connection, given: Grant) -> bool:
    """
    Give the role.  False: it was held already.
    """
    if is_granted(connection, given):
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(assignments).values(**_values(given)))
    except IntegrityError:  # another transaction was quicker, or the role is gone
        if not is_granted(connection, given):
            raise
        return False
    return True


def is_granted(connection: Connection, given: Grant) -> bool:
    """
    Whether exactly this is held.
    """
    found = select(assignments.c.role_id).where(_exactly(given))
    return connection.execute(found).first() is not None


def take_away(connection: Connection, given: Grant) -> bool:
    """
    End the assignment.  False: it was not held.  The tokens it gave are the caller's to revoke.
    """
    return bool(connection.execute(delete(assignments).where(_exactly(given))).rowcount)


def _values(given: Grant) -> dict[str, object]:
    return {
        "actor_kind": given.actor_kind,
        "actor_id": given.actor_id,
        "target_kind": given.target_kind,
        "target_id": given.target_id,
        "role_id": given.role_id,
        "inherited": given.inherited,
    }


def _exactly(given: Grant) -> ColumnElement[bool]:
    return and_(*(assignments.c[name] == value for name, value in _values(given).items()))

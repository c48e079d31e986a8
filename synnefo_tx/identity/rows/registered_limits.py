"""
Units of work on registered limits: what a resource's limit is unless something else is said.

Source: Keystone's keystone/limit/core.py and keystone/limit/backends/sql.py, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from synnefo_tx.errors import Conflict, Forbidden
from synnefo_tx.identity.faults import Expected
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.catalog_tables import limits
from synnefo_tx.identity.rows.kinds import DOMAIN, PROJECT, REGION, REGISTERED_LIMIT, SERVICE
from synnefo_tx.identity.rows.things import Kind, Thing

_MUST_EXIST = {
    "service_id": SERVICE,
    "region_id": REGION,
    "project_id": PROJECT,
    "domain_id": DOMAIN,
}


class StillLimited(Forbidden):
    """
    A registered limit that somebody has another limit than.
    """

    def __init__(self, limit_id: str) -> None:
        super().__init__(
            f"Unable to update or delete registered limit {limit_id} because there are project "
            "limits associated with it."
        )


class LimitTaken(Conflict):
    """
    There is one for this already.  kind: "limit" or "registered_limit".
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"Conflict occurred attempting to store {kind} - Duplicate entry.")


def register(connection: Connection, new: Sequence[Thing]) -> list[Thing]:
    """
    New registered limits.  Raises Expected for what they name, and LimitTaken.
    """
    return [_registered(connection, one) for one in new]


def _registered(connection: Connection, new: Thing) -> Thing:
    check_named(connection, "registered_limit", new)
    try:
        return things.create(connection, REGISTERED_LIMIT, stored(new))
    except things.DuplicateEntry as error:
        raise LimitTaken("registered_limit") from error


def change_registered(
    connection: Connection,
    kind: Kind,
    before: Thing,
    changes: Thing,
    _now: int,
    _horizon_s: int,
) -> Thing:
    """
    As `things.change`.  Raises Expected, StillLimited and LimitTaken.
    """
    _check_unused(connection, before["id"])
    check_named(connection, kind.noun, changes)
    try:
        return things.change(connection, kind, before["id"], stored(changes))
    except things.DuplicateEntry as error:
        raise LimitTaken(kind.noun) from error


def remove_registered(
    connection: Connection, kind: Kind, registered: Thing, _now: int, _horizon_s: int
) -> None:
    """
    It goes.  Raises StillLimited.
    """
    _check_unused(connection, registered["id"])
    things.remove(connection, kind, registered["id"])


def stored(thing: Thing) -> Thing:
    """
    No region is the empty one: NULLs are never equal, and there may be one limit only.
    """
    return thing | ({"region_id": thing["region_id"] or ""} if "region_id" in thing else {})


def check_named(connection: Connection, noun: str, thing: Thing) -> None:
    for name, kind in _MUST_EXIST.items():
        named = thing.get(name)
        if named and things.find(connection, kind, named) is None:
            raise Expected(name, noun)


def _check_unused(connection: Connection, registered_id: str) -> None:
    used = select(limits.c.id).where(limits.c.registered_limit_id == registered_id)
    if connection.execute(used.limit(1)).first() is not None:
        raise StillLimited(registered_id)

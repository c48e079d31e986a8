"""
Taking and giving back quota, inside the caller's own transaction, for what the cloud does at once.
What is decided later goes by commissions.

Everything is charged to the user and to the project: the holdings are locked, in the order of
their keys, before they are looked at, so two requests for the last unit can't both win.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Holding, Key, Payer, member_key, project_key
from synnefo_tx.quota.rows import locking
from synnefo_tx.quota.rows.tables import resources
from synnefo_tx.quota.rules.effective import effective


def take(
    connection: Connection, payer: Payer, amounts: Mapping[str, int], *, force: bool = False
) -> None:
    """
    Charge `amounts` (resource -> how many).  force: whatever the limits.  Raises Exceeded; nothing
    was charged then.
    """
    charges = _charges(payer, amounts)
    rows = locking.lock(connection, charges)
    for key, amount in sorted(charges.items()):
        holding = locking.holding_of(rows[key])
        if amount and not force and not holding.has_room(amount):
            raise Exceeded(key.resource, amount, holding)
    _add(connection, charges)


def give_back(connection: Connection, payer: Payer, amounts: Mapping[str, int]) -> None:
    """
    Return what `take` charged.
    """
    charges = _charges(payer, amounts)
    locking.lock(connection, charges)
    _add(connection, {key: -amount for key, amount in charges.items()})


def held(
    connection: Connection, project_id: str, names: Collection[str] | None = None
) -> dict[str, Holding]:
    """
    The project's limit and use of every resource, or of those named.
    """
    wanted = _all(connection) if names is None else names
    found = locking.look(connection, [project_key(project_id, name) for name in wanted])
    return {key.resource: holding for key, holding in found.items()}


def held_by(
    connection: Connection, payer: Payer, names: Collection[str] | None = None
) -> dict[str, Holding]:
    """
    What the user uses in the project, under the limits in effect for the user there.
    """
    wanted = _all(connection) if names is None else names
    keys = [key for name in wanted for key in payer.keys(name)]
    return _effective(payer, wanted, locking.look(connection, keys))


def locked(connection: Connection, payer: Payer, names: Collection[str]) -> dict[str, Holding]:
    """
    As `held_by`; nobody else takes of it until the caller's transaction ends.
    """
    keys = [key for name in names for key in payer.keys(name)]
    rows = locking.lock(connection, keys)
    return _effective(payer, names, {key: locking.holding_of(row) for key, row in rows.items()})


def _effective(
    payer: Payer, names: Collection[str], found: Mapping[Key, Holding]
) -> dict[str, Holding]:
    def one(name: str) -> Holding:
        project = found[project_key(payer.project_id, name)]
        if not payer.user_id:
            return project
        return effective(found[member_key(payer.user_id, payer.project_id, name)], project)

    return {name: one(name) for name in names}


def _charges(payer: Payer, amounts: Mapping[str, int]) -> dict[Key, int]:
    return {key: amount for name, amount in amounts.items() for key in payer.keys(name)}


def _add(connection: Connection, charges: Mapping[Key, int]) -> None:
    locking.change(
        connection, {key: locking.Change(amount, amount) for key, amount in charges.items()}
    )


def _all(connection: Connection) -> list[str]:
    return [row.name for row in connection.execute(select(resources.c.name))]

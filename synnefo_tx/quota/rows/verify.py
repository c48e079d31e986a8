"""
`quota-verify` and the two reconciliations: what should be, beside what is; with fix, it is made so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from synnefo_tx.quota.model import Key
from synnefo_tx.quota.rows import commissions as commission_rows
from synnefo_tx.quota.rows import locking
from synnefo_tx.quota.rows.limits import due_limits, write_limits
from synnefo_tx.quota.rows.locking import Change, key_of
from synnefo_tx.quota.rows.tables import commissions, holdings, provisions


@frozen
class Found:
    """
    A holding of which `what` ("limit", "usage" or "pending") is not what it should be.
    """

    key: Key
    what: str
    held: int
    due: int


@frozen
class Census:
    """
    What one service's rows use: the resources that it counts, and how.
    """

    resources: frozenset[str]
    count: Callable[[Connection], Counter[Key]]


def quota_verify(
    connection: Connection, project_ids: Collection[str] | None = None, *, fix: bool = False
) -> list[Found]:
    """
    Holdings whose limit is not the one due, or whose pending amount is not that of the pending
    commissions.  fix: writes the limits; what is pending is then counted anew from what would be
    used if all of it were refused.  project_ids: only these and their members.
    """
    rows = locking.lock_where(connection, *_of_projects(project_ids))
    due = due_limits(connection, rows.keys())
    wrong = {key: row for key, row in rows.items() if row.limit != due[key]}
    found = [Found(key, "limit", row.limit, due[key]) for key, row in wrong.items()]
    takes, gives = _pending(connection)
    off = {}
    for key, row in rows.items():
        waiting = takes[key] + gives[key]
        if row.usage_max - row.usage_min != waiting:
            found.append(Found(key, "pending", row.usage_max - row.usage_min, waiting))
            off[key] = Change(0, row.usage_min + waiting - row.usage_max)
    if fix:
        write_limits(connection, {key: due[key] for key in wrong})
        locking.change(connection, off)
    return found


def _of_projects(project_ids: Collection[str] | None) -> tuple[Any, ...]:
    if project_ids is None:
        return ()
    names = [f"project:{project_id}" for project_id in project_ids]
    return (or_(holdings.c.holder.in_(names), holdings.c.source.in_(names)),)


def _pending(connection: Connection) -> tuple[Counter[Key], Counter[Key]]:
    """
    What pending commissions are to take and to give back, both as positive numbers.
    """
    return (
        _asked(connection, provisions.c.quantity > 0),
        _asked(connection, provisions.c.quantity < 0),
    )


def _asked(connection: Connection, where: ColumnElement[bool]) -> Counter[Key]:
    place = (provisions.c.holder, provisions.c.source, provisions.c.resource)
    total = func.sum(provisions.c.quantity).label("total")
    rows = connection.execute(select(*place, total).where(where).group_by(*place))
    return Counter({key_of(row): abs(int(row.total)) for row in rows})


def reconcile_resources(
    connection: Connection, services: Sequence[Census], *, fix: bool = False
) -> list[Found]:
    """
    Holdings whose use is not that of the rows of servers, ports and so on.  fix: writes it,
    whatever the limits.  Nobody takes or gives back quota meanwhile.
    """
    counted = frozenset[str]().union(*(service.resources for service in services))
    rows = locking.lock_where(connection, holdings.c.resource.in_(counted))
    used: Counter[Key] = Counter()
    for service in services:
        used.update(service.count(connection))
    missing = used.keys() - rows.keys()
    if missing:
        rows |= locking.lock(connection, missing)
    takes, gives = _pending(connection)
    found, off = _differences(rows, used, takes)
    if fix:
        locking.change(
            connection,
            {
                key: Change(
                    used[key] - gives[key] - rows[key].usage_min,
                    used[key] + takes[key] - rows[key].usage_max,
                )
                for key in off
            },
        )
    return found


def _differences(
    rows: Mapping[Key, Row[Any]], used: Counter[Key], takes: Counter[Key]
) -> tuple[list[Found], list[Key]]:
    found = [
        Found(key, "usage", row.usage_max - takes[key], used[key])
        for key, row in sorted(rows.items(), key=lambda item: item[0])
        if row.usage_max - takes[key] != used[key]
    ]
    return found, [one.key for one in found]


def reconcile_commissions(
    connection: Connection,
    client: str,
    accepted: Collection[int],
    before_us: int,
    now_us: int,
    *,
    fix: bool = False,
) -> commission_rows.Resolved:
    """
    The client's commissions that were issued before `before_us` and are still pending: those that
    the client knows as accepted are accepted, the others rejected.  Without fix nothing is done,
    and the answer tells what would be.
    """
    wanted = select(commissions.c.serial).where(
        commissions.c.client == client, commissions.c.issued_at < before_us
    )
    waiting = {row.serial for row in connection.execute(wanted)}
    accept, reject = sorted(waiting & set(accepted)), sorted(waiting - set(accepted))
    if not fix:
        return commission_rows.Resolved(accepted=accept, rejected=reject)
    return commission_rows.resolve(connection, client, accept, reject, now_us, "reconciled")

"""
Commissions: changes of quota that are asked for now and accepted or rejected later.

What is pending is held back both ways: what is to be taken counts as used at once, what is to be
given back counts as used until it is accepted.  A client sees its own commissions only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from attrs import field, frozen
from sqlalchemy import Connection, Row, delete, func, insert, select

from synnefo_tx.quota.errors import NoCapacityError, NoCommission, NoHoldingError, NoQuantityError
from synnefo_tx.quota.model import Key, Provision, Wanted
from synnefo_tx.quota.rows import locking
from synnefo_tx.quota.rows.locking import Change, key_of
from synnefo_tx.quota.rows.tables import commissions, provision_log, provisions

MAX_REASON = 121  # characters, after ACCEPT: or REJECT:
SomeKeys = Callable[[Connection, Collection[Key]], set[Key]]


@frozen
class Resolved:
    """
    Serials by what became of them.  missing: not there, or another client's.  conflicting: both to
    accept and to reject; left pending.
    """

    accepted: list[int] = field(factory=list)
    rejected: list[int] = field(factory=list)
    missing: list[int] = field(factory=list)
    conflicting: list[int] = field(factory=list)


def everything(_connection: Connection, keys: Collection[Key]) -> set[Key]:
    """
    For `issue` of services that are sure of their users and projects.
    """
    return set(keys)


def issue(
    connection: Connection, wanted: Wanted, now_us: int, may_hold: SomeKeys = everything
) -> int:
    """
    The serial of the new commission.  Quantities for one holding are added up first.  may_hold:
    which of some new holdings may be.  Raises NoCapacityError, NoQuantityError and NoHoldingError.
    """
    summed = _summed(wanted.provisions)
    rows = _lock(connection, summed, may_hold)
    for provision in summed:
        _check(provision, rows[provision.key], wanted.force)
    locking.change(connection, {one.key: _at_issue(one.quantity) for one in summed})
    made = connection.execute(
        insert(commissions).values(client=wanted.client, name=wanted.name, issued_at=now_us)
    )
    serial = int(made.inserted_primary_key[0])  # type: ignore[index]  # the table has a key
    if summed:
        connection.execute(insert(provisions), [_row(serial, one) for one in summed])
    if wanted.accept:
        resolve(connection, wanted.client, [serial], [], now_us)
    return serial


def _summed(asked: Iterable[Provision]) -> list[Provision]:
    sums: dict[Key, int] = defaultdict(int)
    for one in asked:
        sums[one.key] += one.quantity
    return [Provision(key, quantity) for key, quantity in sorted(sums.items())]


def _lock(
    connection: Connection, summed: Sequence[Provision], may_hold: SomeKeys
) -> dict[Key, Row[Any]]:
    keys = [one.key for one in summed]
    known = {key_of(row) for row in connection.execute(locking.select_keys(keys))}
    allowed = known | may_hold(connection, set(keys) - known)
    for one in summed:
        if one.key not in allowed:
            raise NoHoldingError(one)
    try:
        return locking.lock(connection, keys)
    except KeyError as error:
        unknown = next(one for one in summed if one.key.resource == error.args[0])
        raise NoHoldingError(unknown) from error


def _check(provision: Provision, row: Row[Any], force: bool) -> None:
    quantity, key = provision.quantity, provision.key
    if quantity > 0 and not force and not locking.holding_of(row).has_room(quantity):
        raise NoCapacityError(
            f"There is not enough quota for {key.resource}", provision, row.limit, row.usage_max
        )
    if quantity < 0 and row.usage_min + quantity < 0:
        raise NoQuantityError(f"Not so much of {key.resource} is used", provision, 0, row.usage_min)


def _at_issue(quantity: int) -> Change:
    return Change(0, quantity) if quantity > 0 else Change(quantity, 0)


def _at_end(quantity: int, accepted: bool) -> Change:
    """
    Taking: usage_min follows or usage_max returns.  Giving back: usage_max follows or usage_min
    returns.
    """
    taking = quantity > 0
    if accepted:
        return Change(quantity, 0) if taking else Change(0, quantity)
    return Change(0, -quantity) if taking else Change(-quantity, 0)


def resolve(
    connection: Connection,
    client: str,
    accept: Collection[int],
    reject: Collection[int],
    now_us: int,
    reason: str = "",
) -> Resolved:
    """
    End pending commissions of the client.
    """
    conflicting = set(accept) & set(reject)
    verdicts = dict.fromkeys(set(accept) - conflicting, True)
    verdicts |= dict.fromkeys(set(reject) - conflicting, False)
    found = _pending_rows(connection, client, verdicts)
    asked = _provisions_of(connection, found)
    rows = locking.lock(connection, {key_of(one) for ones in asked.values() for one in ones})
    states = {key: [row.limit, row.usage_min, row.usage_max] for key, row in rows.items()}
    lines: list[dict[str, Any]] = []
    changes: dict[Key, Change] = {}
    for serial, commission in found.items():
        for one in asked.get(serial, ()):
            key, end = key_of(one), _at_end(one.quantity, verdicts[serial])
            before = changes.get(key, Change(0, 0))
            changes[key] = Change(before.least + end.least, before.most + end.most)
            limit, least, most = states[key]
            states[key] = [limit, least + end.least, most + end.most]
            lines.append(_line(commission, one, states[key], verdicts[serial], reason, now_us))
    locking.change(connection, changes)
    _forget(connection, found, lines)
    return Resolved(
        accepted=sorted(serial for serial in found if verdicts[serial]),
        rejected=sorted(serial for serial in found if not verdicts[serial]),
        missing=sorted(verdicts.keys() - found.keys()),
        conflicting=sorted(conflicting),
    )


def resolve_one(
    connection: Connection, client: str, serial: int, accepted: bool, now_us: int
) -> None:
    """
    Accept or reject a commission.  Raises NoCommission.
    """
    lists = ([serial], []) if accepted else ([], [serial])
    if resolve(connection, client, *lists, now_us).missing:
        raise NoCommission(serial)


def _line(
    commission: Row[Any],
    provision: Row[Any],
    state: Sequence[int],
    accepted: bool,
    reason: str,
    now_us: int,
) -> dict[str, Any]:
    limit, least, most = state
    return {
        "serial": commission.serial,
        "client": commission.client,
        "name": commission.name,
        "issued_at": commission.issued_at,
        "logged_at": now_us,
        "holder": provision.holder,
        "source": provision.source,
        "resource": provision.resource,
        "limit": limit,
        "usage_min": least,
        "usage_max": most,
        "quantity": provision.quantity,
        "reason": ("ACCEPT:" if accepted else "REJECT:") + reason[-MAX_REASON:],
    }


def _pending_rows(
    connection: Connection, client: str, serials: Collection[int]
) -> dict[int, Row[Any]]:
    wanted = (
        select(commissions)
        .where(commissions.c.client == client, commissions.c.serial.in_(serials))
        .order_by(commissions.c.serial)
        .with_for_update()
    )
    return {row.serial: row for row in connection.execute(wanted)}


def _provisions_of(connection: Connection, serials: Collection[int]) -> dict[int, list[Row[Any]]]:
    asked: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(provisions).where(provisions.c.serial.in_(serials))):
        asked[row.serial].append(row)
    return asked


def _forget(connection: Connection, serials: Collection[int], lines: list[dict[str, Any]]) -> None:
    if lines:
        connection.execute(insert(provision_log), lines)
    for table in (provisions, commissions):
        connection.execute(delete(table).where(table.c.serial.in_(serials)))


def pending(connection: Connection, client: str) -> list[int]:
    """
    Serials of the client's commissions that wait to be resolved, the oldest first.
    """
    wanted = select(commissions.c.serial).where(commissions.c.client == client)
    return [row.serial for row in connection.execute(wanted.order_by(commissions.c.serial))]


def all_pending(
    connection: Connection,
    client: str | None = None,
    after: int | None = None,
    most: int | None = None,
) -> Sequence[Row[Any]]:
    """
    Whoever's commissions wait to be resolved, the oldest first.  client: only this one's.  after:
    those after this serial.  most: so many at most.
    """
    wanted = select(commissions).order_by(commissions.c.serial).limit(most)
    if client is not None:
        wanted = wanted.where(commissions.c.client == client)
    if after is not None:
        wanted = wanted.where(commissions.c.serial > after)
    return connection.execute(wanted).all()


def waiting_since(connection: Connection, before_us: int) -> tuple[int, int | None]:
    """
    How many commissions from before that moment wait, and when the oldest of all was issued.
    """
    old = func.count().filter(commissions.c.issued_at < before_us)
    row = connection.execute(select(old, func.min(commissions.c.issued_at))).one()
    return row[0], row[1]


def client_of(connection: Connection, serial: int) -> str | None:
    """
    Whose pending commission it is.  None: there is none.
    """
    wanted = select(commissions.c.client).where(commissions.c.serial == serial)
    return connection.execute(wanted).scalar()


def find(connection: Connection, client: str, serial: int) -> tuple[Row[Any], list[Provision]]:
    """
    A pending commission's row and its provisions.  Raises NoCommission.
    """
    this = (commissions.c.client == client, commissions.c.serial == serial)
    row = connection.execute(select(commissions).where(*this)).first()
    if row is None:
        raise NoCommission(serial)
    asked = _provisions_of(connection, [serial])[serial]
    return row, [Provision(key_of(one), one.quantity) for one in asked]


def _row(serial: int, provision: Provision) -> dict[str, Any]:
    key = provision.key
    return {
        "serial": serial,
        "holder": key.holder,
        "source": key.source,
        "resource": key.resource,
        "quantity": provision.quantity,
    }


def expire_log(connection: Connection, before_us: int) -> int:
    """
    How many lines of commissions that were resolved before that moment are gone now.
    """
    old = provision_log.c.logged_at < before_us
    return connection.execute(delete(provision_log).where(old)).rowcount

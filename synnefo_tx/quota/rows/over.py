"""
Units of work that compare who is above a limit with who was told to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, insert, or_, select

from synnefo_tx.quota.over import Move
from synnefo_tx.quota.rows.locking import key_of
from synnefo_tx.quota.rows.tables import IS_OVER, holdings, over_quota

MOST = 1000  # told at once
_PLACE = ("holder", "source", "resource")
_SAME = and_(*(holdings.c[name] == over_quota.c[name] for name in _PLACE))


def moves(connection: Connection) -> list[Move]:
    """
    What is to be told, by the keys of the holdings; the rest once this is settled.
    """
    found = [
        Move(key_of(row), True, row.limit, row.usage_max) for row in connection.execute(came())
    ]
    found += [
        Move(key_of(row), False, -1 if row.limit is None else row.limit, row.usage_max or 0)
        for row in connection.execute(_went())
    ]
    return found


def came() -> Select[Any]:
    """
    Holdings that are above their limits, and were not told to be.
    """
    told = select(over_quota.c.holder).where(_SAME).exists()
    order = (holdings.c[name] for name in _PLACE)
    return select(holdings).where(IS_OVER, ~told).order_by(*order).limit(MOST)


def _went() -> Select[Any]:
    """
    Those that were told to be, and are no more or not there at all.
    """
    c = holdings.c
    return (
        select(over_quota, c.limit, c.usage_max)
        .select_from(over_quota.outerjoin(holdings, _SAME))
        .where(or_(c.limit.is_(None), c.limit < 0, c.usage_max <= c.limit))
        .order_by(*(over_quota.c[name] for name in _PLACE))
        .limit(MOST)
    )


def settle(connection: Connection, told: Sequence[Move], now_us: int) -> None:
    """
    These were told.
    """
    for move in told:
        this = and_(*(over_quota.c[name] == getattr(move.key, name) for name in _PLACE))
        connection.execute(delete(over_quota).where(this))
    new = [
        {name: getattr(move.key, name) for name in _PLACE} | {"told_at": now_us}
        for move in told
        if move.is_over
    ]
    if new:
        connection.execute(insert(over_quota), new)

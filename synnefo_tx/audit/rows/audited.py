"""
A change and its line in the audit log, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.log import append

P = ParamSpec("P")
T = TypeVar("T")


def audited(
    connection: Connection,
    entry: Entry,
    now_us: int,
    unit: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """
    The unit's value, its change told by `entry`.
    """
    value = unit(connection, *args, **kwargs)
    append(connection, entry, now_us)
    return value

"""
Changes that a call makes: the unit of work and its line in the audit log are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.log import append
from synnefo_tx.http.call import Call
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.rows.revocations import CATALOG, next_serial

IN_CATALOG = frozenset({"region", "service", "endpoint", "endpoint_group"})
P = ParamSpec("P")
T = TypeVar("T")


def entry_of(
    call: Call, action: str, kind: str, thing_id: str, details: Mapping[str, Any] | None = None
) -> Entry:
    """
    The line that tells what `call` does.  details: without any secret.
    """
    bearer = call.bearer
    return Entry(
        action=action,
        target_kind=kind,
        target_id=thing_id,
        user_id=bearer.user_id if bearer else "",
        project_id=bearer.project_id if bearer else "",
        address=str(getattr(call.request.getClientAddress(), "host", "")),
        request_id=call.request_id,
        details=details or {},
    )


async def write(
    context: Context,
    entry: Entry,
    unit: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """
    The unit's value, once it and `entry` are committed.
    """

    def both(connection: Connection) -> T:
        value = unit(connection, *args, **kwargs)
        if entry.target_kind in IN_CATALOG:
            next_serial(connection, CATALOG)
        append(connection, entry, int(context.clock() * 1e6))
        return value

    value = await context.database.write(both)
    context.authenticator.look_again()
    context.catalog.look_again()
    return value

"""
Changes that a call makes through a service over a Cloud, each with its line in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import field, frozen
from sqlalchemy import Connection

from synnefo_tx.audit.rows.log import append
from synnefo_tx.http.call import Call
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.identity.api.writing import entry_of

P = ParamSpec("P")
T = TypeVar("T")


@frozen
class Told:
    """
    What the log says of a change: by which policy, to what.  thing_id: known, or found in what the
    unit of work gave.  details: without any secret.
    """

    policy: str
    kind: str
    thing_id: str | Callable[[Any], str]
    details: Mapping[str, Any] = field(factory=dict)


async def write(
    cloud: Cloud,
    call: Call,
    told: Told,
    unit: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """
    The unit's value, once it and its line are committed.
    """

    def both(connection: Connection) -> T:
        value = unit(connection, *args, **kwargs)
        thing_id = told.thing_id if isinstance(told.thing_id, str) else told.thing_id(value)
        entry = entry_of(call, told.policy, told.kind, thing_id, told.details)
        append(connection, entry, cloud.now_us())
        return value

    return await cloud.database.write(both)

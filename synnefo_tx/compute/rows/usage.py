"""
The servers that were there in a span of time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, or_, select, tuple_

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules.usage import Span
from synnefo_tx.errors import BadRequest

_TOLD = tuple(
    servers.c[name]
    for name in ("id", "name", "project_id", "flavor", "vm_state", "launched_at", "deleted_at")
)


def there(
    connection: Connection,
    span: Span,
    project_id: str | None,
    limit: int | None,
    marker: str | None,
) -> list[Any]:
    """
    Of one project or of all, by the times when they came up; those behind the server `marker`.
    Raises BadRequest when there is no such server.
    """
    statement = select(*_TOLD).where(
        servers.c.launched_at <= span.stop,
        or_(servers.c.deleted_at.is_(None), servers.c.deleted_at > span.start),
    )
    those = () if project_id is None else (servers.c.project_id == project_id,)
    statement = statement.where(*those)
    place = servers.c.launched_at, servers.c.id
    if marker is not None:
        last = connection.execute(select(*place).where(servers.c.id == marker, *those)).first()
        if last is None:
            raise BadRequest(f"marker [{marker}] not found")
        statement = statement.where(tuple_(*place) > tuple_(last.launched_at, last.id))
    return list(connection.execute(statement.order_by(*place).limit(limit)))

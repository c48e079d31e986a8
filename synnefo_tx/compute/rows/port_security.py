"""
The security groups that requests for servers name.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from synnefo_tx.compute.ask import Ask
from synnefo_tx.errors import BadRequest, Conflict
from synnefo_tx.network.rows.group_tables import security_groups
from synnefo_tx.network.rows.security_groups import ensure_default


def named(connection: Connection, ask: Ask, names: Sequence[str]) -> tuple[str, ...]:
    """
    Ids of the project's groups that have these names or ids.  Raises BadRequest or Conflict in
    Nova's words.
    """
    project_id = ask.caller.project_id
    if "default" in names:
        ensure_default(connection, project_id, ask.now_us)
    return tuple(_one(connection, project_id, name) for name in names)


def _one(connection: Connection, project_id: str, name: str) -> str:
    rows = connection.execute(
        select(security_groups.c.id).where(
            security_groups.c.project_id == project_id,
            or_(security_groups.c.id == name, security_groups.c.name == name),
        )
    ).all()
    ids: list[str] = [row.id for row in rows]
    if name in ids:
        return name
    if not ids:
        raise BadRequest(f"Security group {name} not found for project {project_id}.")
    if len(ids) > 1:
        raise Conflict(
            f"Multiple security groups found matching '{name}'. Use an ID to be more specific."
        )
    return ids[0]

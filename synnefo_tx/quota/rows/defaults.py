"""
Limits of projects for which nobody has set any: "defaults" and the quota class "default" of
OpenStack's services.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from synnefo_tx.quota.model import Holding, project_key
from synnefo_tx.quota.rows import limits
from synnefo_tx.quota.rows.tables import resources

CLASS = "default"  # the one quota class in which every project is


def defaults_of(
    connection: Connection, names: Collection[str], project_id: str = ""
) -> dict[str, Holding]:
    """
    What the project would be limited to; "": any that is not a user's personal one.
    """
    usual = limits.default_limits(connection, [project_key(project_id, name) for name in names])
    return {key.resource: Holding(limit, 0) for key, limit in usual.items()}


def change_defaults(connection: Connection, asked: Mapping[str, int]) -> None:
    """
    New defaults.  Personal projects follow where theirs were the same.  Raises KeyError.
    """
    known = select(resources).where(resources.c.name.in_(asked)).order_by(resources.c.name)
    rows = {row.name: row for row in connection.execute(known.with_for_update())}
    for name, limit in sorted(asked.items()):
        row = rows[name]
        alike = row.system_default == row.project_default
        limits.set_defaults(connection, name, limit if alike else row.system_default, limit)

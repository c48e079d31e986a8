"""
The limits that projects have set for all their members and for themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, and_, or_, select

from synnefo_tx.quota.rows.tables import quota_limits

AT_ONCE = 500  # projects asked about in one statement
Said = dict[str, tuple[int | None, int | None]]


def said_limits(connection: Connection, project_ids: Sequence[str]) -> dict[str, Said]:
    """
    For each project {resource: (of a member, of the project)}; None: nothing was said, and the
    default holds.
    """
    found: dict[str, Said] = defaultdict(dict)
    for start in range(0, len(project_ids), AT_ONCE):
        keys = [f"project:{one}" for one in project_ids[start : start + AT_ONCE]]
        members = and_(quota_limits.c.holder == "", quota_limits.c.source.in_(keys))
        whole = and_(quota_limits.c.holder.in_(keys), quota_limits.c.source == "")
        for row in connection.execute(select(quota_limits).where(or_(members, whole))):
            project_id = (row.holder or row.source).partition(":")[2]
            member, project = found[project_id].get(row.resource, (None, None))
            if row.holder:
                project = row.limit
            else:
                member = row.limit
            found[project_id][row.resource] = (member, project)
    return dict(found)

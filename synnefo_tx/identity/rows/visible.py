"""
Which rows a caller may see.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, false, or_, true

from synnefo_tx.identity.caller import Caller

SHARED = "shared_to_project"


def visible(table: Table, caller: Caller, *further: ColumnElement[bool]) -> ColumnElement[bool]:
    """
    The condition on `table`, which has a project_id: the rows of the caller's project, those that
    are shared with it where the table knows of such, those of which `further` holds, and all for
    administrators.
    """
    if caller.is_admin:
        return true()
    if not caller.project_id:
        return or_(false(), *further)
    mine = [table.c.project_id == caller.project_id]
    if SHARED in table.c:
        mine.append(table.c[SHARED] == caller.project_id)
    return or_(*mine, *further)

"""
The tree that projects make below their domains.
"""

from __future__ import annotations

from sqlalchemy import Connection, literal, select

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import PROJECT
from synnefo_tx.identity.rows.project_tags import with_tags
from synnefo_tx.identity.rows.tables import projects
from synnefo_tx.identity.rows.things import Thing


def line_above(connection: Connection, project_id: str) -> list[Thing]:
    """
    The projects above, the nearest first.
    """
    return _walk(connection, project_id, upwards=True)


def tree_below(connection: Connection, project_id: str) -> list[Thing]:
    """
    The projects below, those nearer to it first.
    """
    return _walk(connection, project_id, upwards=False)


def _walk(connection: Connection, project_id: str, *, upwards: bool) -> list[Thing]:
    start = (
        select(projects.c.id, projects.c.parent_id, literal(0).label("depth"))
        .where(projects.c.id == project_id)
        .cte("walk", recursive=True)
    )
    step = projects.c.id == start.c.parent_id if upwards else projects.c.parent_id == start.c.id
    walk = start.union_all(
        select(projects.c.id, projects.c.parent_id, (start.c.depth + 1).label("depth")).join(
            start, step
        )
    )
    wanted = (
        select(projects)
        .join(walk, walk.c.id == projects.c.id)
        .where(walk.c.depth > 0)
        .order_by(walk.c.depth, projects.c.id)
    )
    rows = connection.execute(wanted).mappings().all()
    return with_tags(connection, [things.thing_of(PROJECT, row) for row in rows])

"""
Units of work on the tags of projects, and of domains, which act as projects.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, not_, select

from synnefo_tx.identity.rows.tables import project_tags, projects
from synnefo_tx.identity.rows.things import Thing


def set_tags(connection: Connection, project_id: str, tags: Sequence[str]) -> None:
    """
    These tags and no others.
    """
    connection.execute(delete(project_tags).where(project_tags.c.project_id == project_id))
    for tag in sorted(set(tags)):
        connection.execute(insert(project_tags).values(project_id=project_id, name=tag))


def with_tags(connection: Connection, found: Sequence[Thing]) -> list[Thing]:
    """
    Projects or domains with their tags, by one statement.
    """
    wanted = (
        select(project_tags)
        .where(project_tags.c.project_id.in_([one["id"] for one in found]))
        .order_by(project_tags.c.name)
    )
    tags: dict[str, list[str]] = {}
    for row in connection.execute(wanted):
        tags.setdefault(row.project_id, []).append(row.name)
    return [one | {"tags": tags.get(one["id"], [])} for one in found]


def tagged(
    every: Sequence[str], some: Sequence[str], not_every: Sequence[str], not_some: Sequence[str]
) -> ColumnElement[bool] | None:
    """
    For `list_things`: projects that have every one of these tags, some of those, and so on; None
    when nothing is asked.
    """

    def has(tag: str) -> ColumnElement[bool]:
        return projects.c.id.in_(
            select(project_tags.c.project_id).where(project_tags.c.name == tag)
        )

    def has_some(tags: Sequence[str]) -> ColumnElement[bool]:
        return projects.c.id.in_(
            select(project_tags.c.project_id).where(project_tags.c.name.in_(tags))
        )

    asked = [has(tag) for tag in every]
    if some:
        asked.append(has_some(some))
    if not_every:
        asked.append(not_(and_(*(has(tag) for tag in not_every))))
    if not_some:
        asked.append(not_(has_some(not_some)))
    return and_(*asked) if asked else None

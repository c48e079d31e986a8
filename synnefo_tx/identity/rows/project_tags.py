"""
Units of work on the tags of projects, and of domains, which act as projects.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    not_,
    select,
)

from synnefo_tx.identity.rows.lists import EVERYTHING, Page, paged
from synnefo_tx.identity.rows.tables import project_tags, projects
from synnefo_tx.identity.rows.things import Kind, Thing, flat
from synnefo_tx.store.one_text import OneText

TAGS = "tags of the project"  # no column's name


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


def list_tagged(
    connection: Connection, kind: Kind, page: Page, where: ColumnElement[bool] | None = None
) -> tuple[list[Thing], bool]:
    """
    As `list_things`, each project or domain with its tags.
    """
    if where is None and page == EVERYTHING:
        return [_tagged(thing) for thing in _whole(kind).rows(connection)], False
    wanted = _listing(kind)
    if where is not None:
        wanted = wanted.where(where)
    rows, more = paged(connection, kind.table, wanted, page)
    names = (*kind.names, TAGS)
    return [_tagged(dict(zip(names, row, strict=True))) for row in rows], more


@cache
def _listing(kind: Kind) -> Select[Any]:
    """
    All of them, and the tags of each as one text, in which no tag has a comma of its own.
    """
    tags = select(func.aggregate_strings(project_tags.c.name, ",")).where(
        project_tags.c.project_id == kind.table.c.id
    )
    return kind.listing.add_columns(tags.scalar_subquery().label(TAGS))


@cache
def _whole(kind: Kind) -> OneText:
    return OneText(_listing(kind).order_by(kind.table.c.id))


def _tagged(row: Thing) -> Thing:
    tags = row.pop(TAGS)
    thing = flat(row)
    thing["tags"] = sorted(tags.split(",")) if tags else []
    return thing


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

"""
Quotas of many: of a user in every project, of every user, of every project.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, select

from synnefo_tx.identity.rows.tables import projects
from synnefo_tx.quota.model import Holding, InProject, Key, member_key, project_key
from synnefo_tx.quota.rows.locking import look
from synnefo_tx.quota.rows.tables import holdings
from synnefo_tx.quota.rules.effective import effective

MANY = 50  # projects looked at in one statement
PROJECT, USER = "project:", "user:"
T = TypeVar("T")


def of_user(
    connection: Connection, user_id: str, project_ids: Sequence[str], names: Collection[str]
) -> dict[str, dict[str, InProject]]:
    """
    What the user has of these projects: project -> resource -> numbers.
    """
    places = [(user_id, project_id) for project_id in project_ids]
    return _of_members(connection, places, names).get(user_id, {})


def of_users(
    connection: Connection, names: Collection[str], project_ids: Collection[str] | None = None
) -> dict[str, dict[str, dict[str, InProject]]]:
    """
    The same of every user that has ever been charged, in any of these projects.
    """
    seen = select(holdings.c.holder, holdings.c.source).where(holdings.c.source != "").distinct()
    if project_ids is not None:
        seen = seen.where(holdings.c.source.in_([PROJECT + one for one in project_ids]))
    places = [
        (row.holder.removeprefix(USER), row.source.removeprefix(PROJECT))
        for row in connection.execute(seen.order_by(holdings.c.holder, holdings.c.source))
    ]
    return _of_members(connection, places, names)


def of_projects(
    connection: Connection, names: Collection[str], project_ids: Collection[str] | None = None
) -> dict[str, dict[str, Holding]]:
    """
    What projects have as a whole; of all that there are, or of these.
    """
    wanted = select(projects.c.id).order_by(projects.c.id)
    if project_ids is not None:
        wanted = wanted.where(projects.c.id.in_(project_ids))
    found: dict[str, dict[str, Holding]] = defaultdict(dict)
    known = [row.id for row in connection.execute(wanted)]
    for part in _parts(known):
        keys = [project_key(project_id, name) for project_id in part for name in sorted(names)]
        for key, holding in sorted(look(connection, keys).items(), key=lambda item: item[0]):
            found[key.holder.removeprefix(PROJECT)][key.resource] = holding
    return dict(found)


def _of_members(
    connection: Connection, places: Sequence[tuple[str, str]], names: Collection[str]
) -> dict[str, dict[str, dict[str, InProject]]]:
    found: dict[str, dict[str, dict[str, InProject]]] = defaultdict(dict)
    for part in _parts(places):
        keys: set[Key] = set()
        for user_id, project_id in part:
            for name in names:
                keys |= {member_key(user_id, project_id, name), project_key(project_id, name)}
        held = look(connection, keys)
        for user_id, project_id in part:
            own = found[user_id][project_id] = {}
            for name in sorted(names):
                project = held[project_key(project_id, name)]
                member = held[member_key(user_id, project_id, name)]
                own[name] = InProject(effective(member, project), project)
    return dict(found)


def _parts(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), MANY):
        yield things[start : start + MANY]

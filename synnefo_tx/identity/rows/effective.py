"""
The roles that a user has in effect somewhere: given directly or through a group, there or
inherited from above, and what those roles imply.

Source: Keystone's keystone/assignment/core.py, "effective" role assignments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    literal,
    or_,
    select,
)

from synnefo_tx.identity.model import Role
from synnefo_tx.identity.rows.tables import (
    assignments,
    domains,
    group_members,
    implied_roles,
    projects,
    roles,
)
from synnefo_tx.store.prepared import Prepared

SYSTEM = "all"  # the id of the one system
_ROLE_FIELDS = tuple(column.name for column in roles.c)


def _actors() -> CompoundSelect[str, str]:
    user_id: BindParameter[str] = bindparam("user_id", type_=String)
    mine = select(literal("user", String).label("kind"), user_id.label("id"))
    groups = select(literal("group"), group_members.c.group_id).where(
        group_members.c.user_id == bindparam("user_id")
    )
    return mine.union_all(groups)


def _closed(held: Select[Any]) -> Select[Any]:
    """
    The roles of `held` (a select of role ids) and all that they imply, by name.
    """
    closure = held.cte("closure", recursive=True)
    closure = closure.union(
        select(implied_roles.c.implied_role_id).join(
            closure, closure.c.role_id == implied_roles.c.prior_role_id
        )
    )
    return select(roles).where(roles.c.id.in_(select(closure.c.role_id))).order_by(roles.c.name)


def _on_target() -> Select[Any]:
    actors = _actors().cte("actors")
    return (
        select(assignments.c.role_id)
        .join(
            actors,
            and_(assignments.c.actor_kind == actors.c.kind, assignments.c.actor_id == actors.c.id),
        )
        .where(
            assignments.c.target_kind == bindparam("target_kind"),
            assignments.c.target_id == bindparam("target_id"),
            assignments.c.inherited.is_(False),
        )
    )


def _on_project() -> Select[Any]:
    actors = _actors().cte("actors")
    line = (
        select(projects.c.id, projects.c.parent_id, projects.c.domain_id)
        .where(projects.c.id == bindparam("target_id"))
        .cte("line", recursive=True)
    )
    line = line.union_all(
        select(projects.c.id, projects.c.parent_id, projects.c.domain_id).join(
            line, projects.c.id == line.c.parent_id
        )
    )
    here = and_(
        assignments.c.target_kind == "project",
        assignments.c.target_id == bindparam("target_id"),
        assignments.c.inherited.is_(False),
    )
    above = and_(
        assignments.c.target_kind == "project",
        assignments.c.inherited.is_(True),
        assignments.c.target_id.in_(select(line.c.parent_id)),
    )
    domain = and_(
        assignments.c.target_kind == "domain",
        assignments.c.inherited.is_(True),
        assignments.c.target_id.in_(select(line.c.domain_id)),
    )
    return (
        select(assignments.c.role_id)
        .join(
            actors,
            and_(assignments.c.actor_kind == actors.c.kind, assignments.c.actor_id == actors.c.id),
        )
        .where(or_(here, above, domain))
    )


_ON_TARGET = Prepared(_closed(_on_target()))
_ON_PROJECT = Prepared(_closed(_on_project()))


def roles_on_project(connection: Connection, user_id: str, project_id: str) -> tuple[Role, ...]:
    """
    The user's roles on the project in effect, by name.
    """
    return _roles(_ON_PROJECT.rows(connection, {"user_id": user_id, "target_id": project_id}))


def roles_on_domain(connection: Connection, user_id: str, domain_id: str) -> tuple[Role, ...]:
    """
    The user's roles on the domain itself.
    """
    return _there(connection, user_id, "domain", domain_id)


def roles_on_system(connection: Connection, user_id: str) -> tuple[Role, ...]:
    """
    The user's roles on the system.
    """
    return _there(connection, user_id, "system", SYSTEM)


def projects_of(user_id: str) -> CompoundSelect[Any]:
    """
    The ids of the projects on which the user has a role in effect, as a select.
    """
    mine = _assignments_of(user_id)
    direct = select(mine.c.target_id).where(
        mine.c.target_kind == "project", mine.c.inherited.is_(False)
    )
    below = (
        select(projects.c.id)
        .where(
            or_(
                projects.c.parent_id.in_(_inherited(mine, "project")),
                projects.c.domain_id.in_(_inherited(mine, "domain")),
            )
        )
        .cte("below", recursive=True)
    )
    below = below.union(select(projects.c.id).join(below, projects.c.parent_id == below.c.id))
    return direct.union(select(below.c.id))


def works_in(user_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the projects on which the user has a role in effect.
    """
    return projects.c.id.in_(projects_of(user_id))


def has_domain(user_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the domains on which the user has a role.
    """
    mine = _assignments_of(user_id)
    on = select(mine.c.target_id).where(mine.c.target_kind == "domain", mine.c.inherited.is_(False))
    return domains.c.id.in_(on)


def _assignments_of(user_id: str) -> CTE:
    groups = select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    return (
        select(assignments)
        .where(
            or_(
                and_(assignments.c.actor_kind == "user", assignments.c.actor_id == user_id),
                and_(assignments.c.actor_kind == "group", assignments.c.actor_id.in_(groups)),
            )
        )
        .cte("mine")
    )


def _inherited(mine: CTE, kind: str) -> Select[Any]:
    return select(mine.c.target_id).where(mine.c.target_kind == kind, mine.c.inherited.is_(True))


def _there(connection: Connection, user_id: str, kind: str, target_id: str) -> tuple[Role, ...]:
    given = {"user_id": user_id, "target_kind": kind, "target_id": target_id}
    return _roles(_ON_TARGET.rows(connection, given))


def _roles(rows: Iterable[Sequence[Any]]) -> tuple[Role, ...]:
    return tuple(Role(**dict(zip(_ROLE_FIELDS, row, strict=True))) for row in rows)


def implied_by(connection: Connection, role_ids: tuple[str, ...]) -> tuple[Role, ...]:
    """
    The roles themselves and all that they imply, by name.
    """
    if not role_ids:
        return ()
    held = select(roles.c.id.label("role_id")).where(roles.c.id.in_(role_ids))
    return _roles(connection.execute(_closed(held)))

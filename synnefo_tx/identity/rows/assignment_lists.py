"""
Role assignments as they are stored, with the names of all parts.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from synnefo_tx.identity.model import Assignment, Named
from synnefo_tx.identity.rows.project_tree import tree_below
from synnefo_tx.identity.rows.tables import assignments, domains, groups, projects, roles, users


@frozen
class Wanted:
    """
    Which to list.  None and "" leave a part open.

    tree: also for the projects below the one that is asked for.  within: only for this domain and
    the projects in it.
    """

    user_id: str | None = None
    group_id: str | None = None
    target_kind: str = ""
    target_id: str = ""
    role_id: str | None = None
    inherited: bool | None = None
    tree: bool = False
    within: str | None = None


_actor_domains, _project_domains = domains.alias(), domains.alias()
_target_domains, _role_domains = domains.alias(), domains.alias()


def _actor_is(kind: str) -> Any:
    return assignments.c.actor_kind == kind


def _target_is(kind: str) -> Any:
    return assignments.c.target_kind == kind


_LIST = (
    select(
        assignments,
        func.coalesce(users.c.name, groups.c.name, "").label("actor_name"),
        _actor_domains.c.id.label("actor_domain_id"),
        _actor_domains.c.name.label("actor_domain_name"),
        case(
            (_target_is("project"), projects.c.name),
            (_target_is("domain"), _target_domains.c.name),
            else_="",
        ).label("target_name"),
        _project_domains.c.id.label("target_domain_id"),
        _project_domains.c.name.label("target_domain_name"),
        roles.c.name.label("role_name"),
        _role_domains.c.id.label("role_domain_id"),
        _role_domains.c.name.label("role_domain_name"),
    )
    .select_from(assignments)
    .join(roles, roles.c.id == assignments.c.role_id)
    .outerjoin(_role_domains, _role_domains.c.id == roles.c.domain_id)
    .outerjoin(users, and_(_actor_is("user"), users.c.id == assignments.c.actor_id))
    .outerjoin(groups, and_(_actor_is("group"), groups.c.id == assignments.c.actor_id))
    .outerjoin(
        _actor_domains,
        _actor_domains.c.id == func.coalesce(users.c.domain_id, groups.c.domain_id),
    )
    .outerjoin(projects, and_(_target_is("project"), projects.c.id == assignments.c.target_id))
    .outerjoin(_project_domains, _project_domains.c.id == projects.c.domain_id)
    .outerjoin(
        _target_domains,
        and_(_target_is("domain"), _target_domains.c.id == assignments.c.target_id),
    )
    .order_by(*assignments.primary_key.columns)
)


def held_within(domain_id: str) -> ColumnElement[bool]:
    """
    Those for a domain and the projects in it.
    """
    inside = select(projects.c.id).where(projects.c.domain_id == domain_id)
    return or_(
        and_(_target_is("domain"), assignments.c.target_id == domain_id),
        and_(_target_is("project"), assignments.c.target_id.in_(inside)),
    )


def list_assignments(connection: Connection, wanted: Wanted) -> list[Assignment]:
    """
    Who holds which role where, of those that fit.
    """
    statement = _narrowed(_LIST, wanted)
    if wanted.target_kind:
        there = assignments.c.target_id.in_(target_ids(connection, wanted))
        statement = statement.where(_target_is(wanted.target_kind), there)
    return [_made(row) for row in connection.execute(statement)]


def target_ids(connection: Connection, wanted: Wanted) -> list[str]:
    """
    What is asked for, with the projects below it if those are.
    """
    below = tree_below(connection, wanted.target_id) if wanted.tree else []
    return [wanted.target_id, *(one["id"] for one in below)]


def list_stored(connection: Connection, where: ColumnElement[bool]) -> list[Assignment]:
    """
    Those that a condition on the table of assignments takes.
    """
    return [_made(row) for row in connection.execute(_LIST.where(where))]


def _narrowed(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.user_id:
        statement = statement.where(_actor_is("user"), assignments.c.actor_id == wanted.user_id)
    if wanted.group_id:
        statement = statement.where(_actor_is("group"), assignments.c.actor_id == wanted.group_id)
    if wanted.within:
        statement = statement.where(held_within(wanted.within))
    if wanted.role_id:
        statement = statement.where(assignments.c.role_id == wanted.role_id)
    if wanted.inherited is not None:
        statement = statement.where(assignments.c.inherited.is_(wanted.inherited))
    return statement


def _made(row: Row[Any]) -> Assignment:
    return Assignment(
        row.actor_kind,
        Named(row.actor_id, row.actor_name, row.actor_domain_id or "", row.actor_domain_name or ""),
        row.target_kind,
        Named(
            row.target_id,
            row.target_name,
            row.target_domain_id or "",
            row.target_domain_name or "",
        ),
        Named(row.role_id, row.role_name, row.role_domain_id or "", row.role_domain_name or ""),
        row.inherited,
    )

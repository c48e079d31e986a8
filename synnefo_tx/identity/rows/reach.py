"""
What a manager of a domain may hand out, and who has more than that.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, case, or_, select

from synnefo_tx.identity.rows.effective import implied_by
from synnefo_tx.identity.rows.tables import assignments, group_members, projects
from synnefo_tx.identity.rows.things import Thing

# Roles that a manager of a domain may give; Keystone's "domain_managed_target_role".
MANAGED = frozenset({"manager", "member", "reader"})


def may_be_given(connection: Connection, role: Thing, domain_id: str | None) -> bool:
    """
    Whether a manager of the domain may give the role there.  One of the domain's own is as good as
    what it implies.
    """
    if not role["domain_id"]:
        return role["name"] in MANAGED
    return role["domain_id"] == domain_id and _all_managed(connection, (role["id"],))


def has_more(connection: Connection, actor_kind: str, actor_id: str, domain_id: str) -> bool:
    """
    Whether a "user", also by groups, or a "group" holds what a manager of the domain could not
    give: a role elsewhere, or another role.
    """
    rows = connection.execute(_held(actor_kind, actor_id)).all()
    if any(row.place != domain_id for row in rows):
        return True
    return not _all_managed(connection, tuple({row.role_id for row in rows}))


def _all_managed(connection: Connection, role_ids: tuple[str, ...]) -> bool:
    """
    Roles of domains only imply: in a token they are none, whatever they are called.
    """
    held = implied_by(connection, role_ids)
    return {one.name for one in held if not one.domain_id} <= MANAGED


def _held(actor_kind: str, actor_id: str) -> Any:
    groups = select(group_members.c.group_id).where(group_members.c.user_id == actor_id)
    held = and_(assignments.c.actor_kind == actor_kind, assignments.c.actor_id == actor_id)
    if actor_kind == "user":
        by_group = and_(assignments.c.actor_kind == "group", assignments.c.actor_id.in_(groups))
        held = or_(held, by_group)
    of_project = and_(
        assignments.c.target_kind == "project", projects.c.id == assignments.c.target_id
    )
    return (
        select(assignments.c.role_id, _place().label("place"))
        .select_from(assignments.outerjoin(projects, of_project))
        .where(held)
    )


def _place() -> Any:
    """
    The domain in which a role is held; "" of the system.
    """
    return case(
        (assignments.c.target_kind == "project", projects.c.domain_id),
        (assignments.c.target_kind == "domain", assignments.c.target_id),
        else_="",
    )

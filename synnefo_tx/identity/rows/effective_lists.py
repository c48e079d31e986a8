"""
Role assignments as they work: those of groups told for each member, inherited ones for each project
below, and implied roles beside those that imply them.

Source: Keystone's keystone/assignment/core.py, `_list_effective_role_assignments`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, and_, or_, select, true

from synnefo_tx.identity.model import Assignment, Named
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.assignment_lists import (
    Wanted,
    held_within,
    list_stored,
    target_ids,
)
from synnefo_tx.identity.rows.kinds import PROJECT
from synnefo_tx.identity.rows.project_tree import line_above, tree_below
from synnefo_tx.identity.rows.tables import (
    assignments,
    domains,
    group_members,
    implied_roles,
    projects,
    roles,
    users,
)

T = TypeVar("T")


def list_effective(connection: Connection, wanted: Wanted) -> list[Assignment]:
    """
    What is in effect, of what fits; wanted.group_id and wanted.inherited are not looked at.
    """
    ids = target_ids(connection, wanted) if wanted.target_kind else []
    where = and_(_of_user(wanted), _on_target(connection, wanted, ids))
    if wanted.within:
        where = and_(where, held_within(wanted.within))
    found: Iterable[Assignment] = list_stored(connection, where)
    found = _of_members(connection, list(found), wanted.user_id)
    found = _below(connection, list(found), wanted, ids)
    made = dict.fromkeys(_with_implied(connection, found))
    return [one for one in made if wanted.role_id in (None, "", one.role.id)]


def _of_user(wanted: Wanted) -> ColumnElement[bool]:
    if not wanted.user_id:
        return true()
    groups = select(group_members.c.group_id).where(group_members.c.user_id == wanted.user_id)
    return or_(
        and_(assignments.c.actor_kind == "user", assignments.c.actor_id == wanted.user_id),
        and_(assignments.c.actor_kind == "group", assignments.c.actor_id.in_(groups)),
    )


def _on_target(connection: Connection, wanted: Wanted, ids: list[str]) -> ColumnElement[bool]:
    if not wanted.target_kind:
        return true()
    here = and_(
        assignments.c.target_kind == wanted.target_kind,
        assignments.c.target_id.in_(ids),
        assignments.c.inherited.is_(False),
    )
    project = things.find(connection, PROJECT, wanted.target_id)
    if wanted.target_kind != "project" or project is None:
        return here
    above = [one["id"] for one in line_above(connection, wanted.target_id)]
    kind, target = assignments.c.target_kind, assignments.c.target_id
    inherited = or_(
        and_(kind == "project", target.in_([*above, *(ids if wanted.tree else ())])),
        and_(kind == "domain", target == project["domain_id"]),
    )
    return or_(here, and_(assignments.c.inherited.is_(True), inherited))


def _of_members(
    connection: Connection, found: list[Assignment], user_id: str | None
) -> Iterator[Assignment]:
    """
    Those of groups become those of their members, or of the one member that is asked for.
    """
    group_ids = {one.actor.id for one in found if one.actor_kind == "group"}
    members: dict[str, list[Named]] = defaultdict(list)
    wanted = (
        select(
            group_members.c.group_id,
            users.c.id,
            users.c.name,
            domains.c.id.label("domain_id"),
            domains.c.name.label("domain_name"),
        )
        .join(users, users.c.id == group_members.c.user_id)
        .join(domains, domains.c.id == users.c.domain_id)
        .where(group_members.c.group_id.in_(group_ids))
    )
    if user_id:
        wanted = wanted.where(users.c.id == user_id)
    for row in connection.execute(wanted):
        named = Named(row.id, row.name, row.domain_id, row.domain_name)
        members[row.group_id].append(named)
    for one in found:
        if one.actor_kind == "user":
            yield evolve(one, source=one)
        for member in members[one.actor.id] if one.actor_kind == "group" else ():
            yield evolve(one, actor_kind="user", actor=member, source=one)


def _below(
    connection: Connection, found: list[Assignment], wanted: Wanted, asked: list[str]
) -> Iterator[Assignment]:
    """
    Inherited ones become those of the projects below, of those that are asked for.
    """

    def places(kind: str, target_id: str) -> list[Named]:
        if wanted.target_kind == "project" and (kind == "domain" or not wanted.tree):
            return _projects(connection, asked)
        if kind == "domain":
            inside = select(projects.c.id).where(projects.c.domain_id == target_id)
            ids = [row.id for row in connection.execute(inside)]
        else:
            ids = [one["id"] for one in tree_below(connection, target_id)]
        if wanted.target_kind == "project":
            ids = [one for one in ids if one in set(asked)]
        return _projects(connection, ids)

    known = _remembered(places)
    for one in found:
        if not one.inherited:
            yield one
            continue
        for place in known(one.target_kind, one.target.id):
            yield evolve(one, target_kind="project", target=place)


def _remembered(ask: Callable[[str, str], T]) -> Callable[[str, str], T]:
    answers: dict[tuple[str, str], T] = {}

    def known(kind: str, target_id: str) -> T:
        if (kind, target_id) not in answers:
            answers[kind, target_id] = ask(kind, target_id)
        return answers[kind, target_id]

    return known


def _projects(connection: Connection, ids: list[str]) -> list[Named]:
    wanted = (
        select(projects.c.id, projects.c.name, domains.c.id, domains.c.name)
        .join(domains, domains.c.id == projects.c.domain_id)
        .where(projects.c.id.in_(ids))
        .order_by(projects.c.id)
    )
    return [Named(*row) for row in connection.execute(wanted)]


def _with_implied(connection: Connection, found: Iterable[Assignment]) -> Iterator[Assignment]:
    """
    With what the roles imply.  Roles of domains only imply: they are no roles in effect.
    """
    implied: dict[str, list[Named]] = defaultdict(list)
    wanted = select(implied_roles.c.prior_role_id, roles.c.id, roles.c.name, roles.c.domain_id)
    for row in connection.execute(
        wanted.join(roles, roles.c.id == implied_roles.c.implied_role_id)
    ):
        implied[row.prior_role_id].append(Named(row.id, row.name, row.domain_id))
    for one in found:
        if not one.role.domain_id:
            yield one
        seen, ahead = {one.role.id}, [one.role.id]
        while ahead:
            prior = ahead.pop()
            for role in implied[prior]:
                if role.id not in seen:
                    seen.add(role.id)
                    ahead.append(role.id)
                    if not role.domain_id:
                        yield evolve(one, role=role, prior_role_id=prior)

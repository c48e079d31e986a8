"""
Units of work that find projects and memberships for those who may see them, with what their views
tell; a fixed number of statements a list, cut and filtered in the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true

from synnefo_tx.account.errors import NoSuchMembership, NoSuchProject
from synnefo_tx.account.model import (
    ASSOCIATED,
    INSIDE,
    Actor,
    MemberState,
    ProjectState,
)
from synnefo_tx.account.rows import records
from synnefo_tx.account.rows.records import Record
from synnefo_tx.account.rows.tables import (
    account_projects,
    membership_log,
    project_applications,
    project_members,
)
from synnefo_tx.account.rules import rights
from synnefo_tx.account.rules.rights import Place
from synnefo_tx.quota.rows.project_limits import said_limits
from synnefo_tx.quota.rows.resources import listed

AT_ONCE = 500  # ids in one statement
Pair = tuple[int, int]
P, M = account_projects.c, project_members.c


@frozen
class Wanted:
    """
    Of projects.  mode: "default", "related", "member" or "active".  after: the id before the page.
    """

    mode: str = "default"
    states: Collection[ProjectState] = ()
    owners: Collection[str] = ()
    names: Collection[str] = ()
    after: str | None = None
    limit: int | None = None


@frozen(eq=False)
class Told:
    """
    A project as its view needs it.  application: None for who may not see it.
    """

    row: Record
    limits: Mapping[str, Pair]
    application: Any = None
    owned: bool = False


@frozen(eq=False)
class ToldMember:
    """
    A membership as its view needs it.  dates: when it last came into each state, microseconds.
    """

    row: Any
    place: Place
    dates: Mapping[str, int] = field(factory=dict)


def projects(connection: Connection, actor: Actor, wanted: Wanted) -> list[Told]:
    """
    Those that the actor may see, by id.
    """
    chosen = [_mode(actor, wanted.mode)]
    for column, values in ((P.state, wanted.states), (P.owner_id, wanted.owners)):
        if values:
            chosen.append(column.in_(list(values)))
    if wanted.names:
        chosen.append(P.name.in_(list(wanted.names)))
    if not wanted.states:
        chosen.append(P.state != ProjectState.DELETED)
    if wanted.after is not None:
        chosen.append(P.id > wanted.after)
    query = select(account_projects).where(*chosen).order_by(P.id)
    rows = list(connection.execute(query.limit(wanted.limit)))
    return _told(connection, actor, rows)


def project(connection: Connection, actor: Actor, project_id: str) -> Told:
    """
    One.  Raises NoSuchProject also for one that the actor may not see.
    """
    row = records.find(connection, project_id)
    if row is None:
        raise NoSuchProject(project_id)
    own = select(M.state).where(M.project_id == project_id, M.user_id == actor.user_id)
    state = connection.execute(own).scalar()
    if not rights.sees(records.standing(row), actor, MemberState(state) if state else None):
        raise NoSuchProject(project_id)
    return _told(connection, actor, [row])[0]


def _mode(actor: Actor, mode: str) -> ColumnElement[bool]:
    mine = select(M.project_id).where(M.user_id == actor.user_id)
    public = and_(
        P.state == ProjectState.ACTIVE, P.private.is_(False), P.domain_id == actor.domain_id
    )
    related = or_(P.owner_id == actor.user_id, P.id.in_(mine.where(M.state.in_(ASSOCIATED))))
    if mode == "member":
        return and_(P.state == ProjectState.ACTIVE, P.id.in_(mine.where(M.state.in_(INSIDE))))
    if mode == "related":
        return related
    if mode == "active":
        active = P.state == ProjectState.ACTIVE
        return active if actor.is_admin else and_(active, or_(public, related))
    return true() if actor.is_admin else or_(public, related)


def _told(connection: Connection, actor: Actor, rows: Sequence[Record]) -> list[Told]:
    limits = limits_of(connection, rows)
    owned = {row.id for row in rows if rights.owns(records.standing(row), actor)}
    numbers = [row.application_id for row in rows if row.id in owned and row.application_id]
    found: dict[str, Any] = {}
    for start in range(0, len(numbers), AT_ONCE):
        part = numbers[start : start + AT_ONCE]
        these = select(project_applications).where(project_applications.c.id.in_(part))
        found |= {row.project_id: row for row in connection.execute(these)}
    return [Told(row, limits[row.id], found.get(row.id), row.id in owned) for row in rows]


def limits_of(connection: Connection, rows: Sequence[Record]) -> dict[str, dict[str, Pair]]:
    """
    For each project {resource: (of a member, of the project)}, of what users may see: those that
    hold, or that will when it wakes.
    """
    awake = [row.id for row in rows if row.state == ProjectState.ACTIVE]
    said = said_limits(connection, awake)
    visible = [one for one in listed(connection) if one.api_visible]
    found: dict[str, dict[str, Pair]] = {}
    for row in rows:
        own: Any = said.get(row.id, {}) if row.state == ProjectState.ACTIVE else row.kept_limits
        found[row.id] = {one.name: _pair(own.get(one.name), row, one) for one in visible}
    return found


def _pair(own: Any, row: Record, resource: Any) -> Pair:
    member, whole = own or (None, None)
    if row.is_personal:
        defaults = (resource.system_default, resource.system_default)
    else:
        defaults = (-1, resource.project_default)
    return (
        defaults[0] if member is None else member,
        defaults[1] if whole is None else whole,
    )


def memberships(
    connection: Connection,
    actor: Actor,
    project_id: str | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[ToldMember]:
    """
    The actor's own, and those of the projects in which the actor lets people in and out.
    """
    chosen: list[ColumnElement[bool]] = [true()]
    if not actor.is_admin:
        owned = select(P.id).where(P.owner_id == actor.user_id)
        chosen = [
            or_(
                M.user_id == actor.user_id,
                M.project_id.in_(owned),
                M.project_id.in_(_moderated(actor)),
            )
        ]
    if project_id is not None:
        chosen.append(M.project_id == project_id)
    if after is not None:
        chosen.append(M.id > after)
    query = select(project_members).where(*chosen).order_by(M.id).limit(limit)
    return _told_members(connection, actor, list(connection.execute(query)))


def membership(connection: Connection, actor: Actor, membership_id: int) -> ToldMember:
    """
    One.  Raises NoSuchMembership also for one that the actor may not see.
    """
    query = select(project_members).where(M.id == membership_id)
    found = _told_members(connection, actor, list(connection.execute(query)))
    if not found or not rights.may_see_membership(found[0].place, actor):
        raise NoSuchMembership
    return found[0]


def _moderated(actor: Actor) -> Select[Any]:
    return select(M.project_id).where(
        M.user_id == actor.user_id, M.is_moderator.is_(True), M.state.in_(INSIDE)
    )


def _told_members(connection: Connection, actor: Actor, rows: Sequence[Any]) -> list[ToldMember]:
    ids = sorted({row.project_id for row in rows})
    known: dict[str, Record] = {}
    counts: dict[str, int] = {}
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        these = select(account_projects).where(P.id.in_(part))
        known |= {row.id: row for row in connection.execute(these)}
        count = select(M.project_id, func.count().label("many")).where(
            M.project_id.in_(part), M.state.in_(INSIDE)
        )
        grouped = connection.execute(count.group_by(M.project_id))
        counts |= {row.project_id: row.many for row in grouped}
    moderated = {row.project_id for row in connection.execute(_moderated(actor))}
    dates = _dates(connection, [row.id for row in rows])
    told = []
    for row in rows:
        place = Place(
            project=records.standing(known[row.project_id]),
            user_id=row.user_id,
            state=MemberState(row.state),
            moderates=row.project_id in moderated,
            inside=counts.get(row.project_id, 0),
        )
        told.append(ToldMember(row, place, dates[row.id]))
    return told


def _dates(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = defaultdict(dict)
    log = membership_log.c
    for start in range(0, len(ids), AT_ONCE):
        these = log.membership_id.in_(ids[start : start + AT_ONCE])
        last = select(log.membership_id, log.to_state, func.max(log.at).label("at")).where(these)
        for row in connection.execute(last.group_by(log.membership_id, log.to_state)):
            found[row.membership_id][row.to_state] = row.at
    return found

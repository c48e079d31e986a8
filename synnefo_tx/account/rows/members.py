"""
Units of work on memberships: joining, being let in and out, moderators.

The project is locked first, so that two can't take its last place.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from synnefo_tx.account.errors import NoSuchMembership, NoSuchProject, UnknownMember
from synnefo_tx.account.model import ASSOCIATED, INSIDE, Doing, MemberState, Policy
from synnefo_tx.account.notices import Notice
from synnefo_tx.account.rows import places, records
from synnefo_tx.account.rows.records import Record
from synnefo_tx.account.rows.tables import membership_log, project_members
from synnefo_tx.account.rules import rights
from synnefo_tx.account.rules.rights import CHECKS, Place
from synnefo_tx.account.rules.states import FIRST, MEMBER, after
from synnefo_tx.identity.rows.tables import users

Membership = Row[Any]


def join(connection: Connection, doing: Doing, project_id: str) -> int:
    """
    The actor asks to join; where the policy is "auto" and there is room, the actor is in at once.
    The membership's id.  Raises NoSuchProject, NotAlive, Closed and AlreadyMember.
    """
    row = records.lock(connection, project_id)
    project, user_id = records.standing(row), doing.actor.user_id
    before = of_user(connection, project_id, user_id)
    own = MemberState(before.state) if before is not None else None
    if not rights.sees(project, doing.actor, own):
        raise NoSuchProject(project_id)
    rights.check_join(project)
    rights.check_associable(own, "join")
    membership = _enter(connection, doing, row, user_id, before, "join")
    room = rights.has_room(project, inside(connection, project_id))
    if project.join_policy is Policy.AUTO and room:
        move(connection, doing, membership, "accept")
    else:
        _tell_those_who_let(connection, doing, row, "join-requested", user_id)
    return int(membership.id)


def enroll(connection: Connection, doing: Doing, project_id: str, name: str) -> int:
    """
    Somebody is let in unasked.  name: of a user of the project's domain, or the user's id.  Raises
    NoSuchProject, NotAllowed, NotAlive, Closed, Full, UnknownMember and AlreadyMember.
    """
    row = records.lock(connection, project_id)
    project = records.standing(row)
    moderates = _moderates(connection, project_id, doing.actor.user_id)
    count = inside(connection, project_id)
    rights.check_enroll(project, doing.actor, moderates, count)
    user_id = _user_called(connection, row.domain_id, name)
    before = of_user(connection, project_id, user_id)
    rights.check_associable(MemberState(before.state) if before else None, "enroll")
    membership = let_in(connection, doing, row, user_id)
    _tell(connection, doing, row, "member-enrolled", user_id)
    return int(membership.id)


def let_in(connection: Connection, doing: Doing, row: Record, user_id: str) -> Membership:
    """
    The user is a member of the locked project, whoever asked; nothing happens when that is so.
    """
    before = of_user(connection, row.id, user_id)
    if before is not None and after(MEMBER, "enroll", MemberState(before.state)) is None:
        return before
    return _enter(connection, doing, row, user_id, before, "enroll")


def act(connection: Connection, doing: Doing, membership_id: int, action: str) -> None:
    """
    "leave", "cancel", "accept", "reject" or "remove".  Raises NoSuchMembership and what the rules
    say against it.
    """
    row, membership = _locked(connection, membership_id)
    place = place_of(connection, row, membership, doing)
    if not rights.may_see_membership(place, doing.actor):
        raise NoSuchMembership
    CHECKS[action](place, doing.actor)
    step = action
    if action == "leave" and place.project.leave_policy is Policy.AUTO:
        step = "remove"
    move(connection, doing, membership, step)
    if action == "leave" and step == "leave":
        _tell_those_who_let(connection, doing, row, "leave-requested", place.user_id)
    elif action in _TOLD:
        _tell(connection, doing, row, _TOLD[action], place.user_id)


_TOLD = {"accept": "member-accepted", "reject": "member-rejected", "remove": "member-removed"}


def appoint(connection: Connection, doing: Doing, membership_id: int, moderator: bool) -> None:
    """
    The member lets others in and out from now on, or no longer.  Raises NoSuchMembership,
    NotAllowed and NotAMember.
    """
    row, membership = _locked(connection, membership_id)
    place = place_of(connection, row, membership, doing)
    if not rights.may_see_membership(place, doing.actor):
        raise NoSuchMembership
    rights.check_appoint(place, doing.actor)
    this = update(project_members).where(project_members.c.id == membership_id)
    connection.execute(this.values(is_moderator=moderator))


def place_of(connection: Connection, row: Record, membership: Membership, doing: Doing) -> Place:
    """
    The membership as the rules see it.
    """
    return Place(
        project=records.standing(row),
        user_id=membership.user_id,
        state=MemberState(membership.state),
        moderates=_moderates(connection, row.id, doing.actor.user_id),
        inside=inside(connection, row.id),
    )


def move(connection: Connection, doing: Doing, membership: Membership, action: str) -> None:
    """
    From state to state, with the role that belongs to it.  What the tables don't allow is the
    caller's defect.
    """
    state = MemberState(membership.state)
    new = after(MEMBER, action, state)
    if new is None:
        raise AssertionError(f"{action} in state {state}")
    values: dict[str, Any] = {"state": new}
    if new not in ASSOCIATED:
        values["is_moderator"] = False
    this = update(project_members).where(project_members.c.id == membership.id)
    connection.execute(this.values(**values))
    _log(connection, doing, membership.id, state, new)
    project_id, user_id = membership.project_id, membership.user_id
    if new in INSIDE and state not in INSIDE:
        places.give_role(connection, project_id, user_id)
    elif new is MemberState.REMOVED:
        places.take_role(connection, doing, project_id, user_id)


def of_user(connection: Connection, project_id: str, user_id: str) -> Membership | None:
    """
    The user's membership, in whatever state.
    """
    c = project_members.c
    wanted = select(project_members).where(c.project_id == project_id, c.user_id == user_id)
    return connection.execute(wanted).first()


def all_of(connection: Connection, **where: str) -> list[Membership]:
    """
    Memberships with these values: `user_id` or `project_id`.
    """
    chosen = [project_members.c[name] == value for name, value in where.items()]
    wanted = select(project_members).where(*chosen).order_by(project_members.c.id)
    return list(connection.execute(wanted))


def inside(connection: Connection, project_id: str) -> int:
    """
    How many members the project has.
    """
    c = project_members.c
    count = select(func.count()).where(c.project_id == project_id, c.state.in_(INSIDE))
    return int(connection.execute(count).scalar_one())


def _enter(
    connection: Connection,
    doing: Doing,
    row: Record,
    user_id: str,
    before: Membership | None,
    action: str,
) -> Membership:
    if before is None:
        values = {"project_id": row.id, "user_id": user_id, "state": FIRST[action]}
        made = insert(project_members).values(**values, is_moderator=False)
        number = connection.execute(made.returning(project_members.c.id)).scalar_one()
        _log(connection, doing, number, None, FIRST[action])
        if FIRST[action] in INSIDE:
            places.give_role(connection, row.id, user_id)
    else:
        move(connection, doing, before, action)
    found = of_user(connection, row.id, user_id)
    assert found is not None
    return found


def _locked(connection: Connection, membership_id: int) -> tuple[Record, Membership]:
    this = select(project_members).where(project_members.c.id == membership_id)
    found = connection.execute(this).first()
    if found is None:
        raise NoSuchMembership
    row = records.lock(connection, found.project_id)
    return row, connection.execute(this).one()


def _moderates(connection: Connection, project_id: str, user_id: str) -> bool:
    own = of_user(connection, project_id, user_id)
    return own is not None and own.is_moderator and own.state in INSIDE


def _user_called(connection: Connection, domain_id: str, name: str) -> str:
    named = (users.c.domain_id == domain_id) & (users.c.name == name)
    enabled = users.c.enabled.is_(True)
    wanted = select(users.c.id, users.c.name).where(or_(named, users.c.id == name), enabled)
    found = sorted(connection.execute(wanted), key=lambda row: bool(row.id == name))
    if not found:
        raise UnknownMember(name)
    return str(found[0].id)


def _log(connection: Connection, doing: Doing, number: int, state: str | None, new: str) -> None:
    connection.execute(
        insert(membership_log).values(
            membership_id=number,
            from_state=state,
            to_state=new,
            actor_id=doing.actor.user_id,
            reason=doing.reason,
            at=doing.now_us,
        )
    )


def _tell(connection: Connection, doing: Doing, row: Record, kind: str, user_id: str) -> None:
    details = {"name": row.name, "user_id": user_id, "reason": doing.reason}
    doing.notifier.notify(connection, Notice(kind, row.id, (user_id,), details=details))


def _tell_those_who_let(
    connection: Connection, doing: Doing, row: Record, kind: str, user_id: str
) -> None:
    c = project_members.c
    moderators = select(c.user_id).where(
        c.project_id == row.id, c.is_moderator.is_(True), c.state.in_(INSIDE)
    )
    told = {one.user_id for one in connection.execute(moderators)}
    if row.owner_id is not None:
        told.add(row.owner_id)
    details = {"name": row.name, "user_id": user_id, "reason": doing.reason}
    notice = Notice(kind, row.id, tuple(sorted(told)), details=details)
    doing.notifier.notify(connection, notice)

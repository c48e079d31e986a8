"""
Units of work on the records of those who signed up: found, listed, forgotten.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select
from sqlalchemy.sql import Select

from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.log import append
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.identity.rows.users import remove_user
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.errors import NoSuchPerson
from synnefo_tx.people.model import Moderation, Person, State
from synnefo_tx.people.rows.forgetting import forget
from synnefo_tx.people.rows.links import expire
from synnefo_tx.people.rows.tables import people, signed_terms

LAPSED_AT_ONCE = 5
FORGOTTEN = "account:forget_registration"  # in the audit log
_ACCEPTED = people.c.moderation == Moderation.ACCEPTED
_VERIFIED = people.c.verified_at.is_not(None)
_IN_STATE: dict[State, ColumnElement[bool]] = {
    State.UNVERIFIED: people.c.verified_at.is_(None),
    State.PENDING: and_(_VERIFIED, people.c.moderation == Moderation.PENDING),
    State.REJECTED: and_(_VERIFIED, people.c.moderation == Moderation.REJECTED),
    State.ACCEPTED: and_(_VERIFIED, _ACCEPTED, users.c.enabled),
    State.DEACTIVATED: and_(_VERIFIED, _ACCEPTED, users.c.enabled.is_(False)),
}


def _people() -> Select[Any]:
    signed = (
        select(func.max(signed_terms.c.version))
        .where(signed_terms.c.user_id == people.c.user_id)
        .scalar_subquery()
    )
    return select(
        people,
        users.c.name,
        users.c.domain_id,
        users.c.enabled,
        users.c.created_at,
        signed.label("signed_version"),
    ).join(users, users.c.id == people.c.user_id)


def _person(row: Row[Any]) -> Person:
    return Person(
        user_id=row.user_id,
        name=row.name,
        domain_id=row.domain_id,
        email=row.email,
        state=_state(row),
        registered_at=row.created_at,
        verified_at=row.verified_at,
        moderated_at=row.moderated_at,
        reason=row.reason or "",
        signed_version=row.signed_version,
    )


def _state(row: Row[Any]) -> State:
    if row.verified_at is None:
        return State.UNVERIFIED
    if row.moderation == Moderation.ACCEPTED and not row.enabled:
        return State.DEACTIVATED
    return State(row.moderation)


def fetch(connection: Connection, user_id: str) -> Person:
    """
    Who signed up.  Raises NoSuchPerson.
    """
    return _fetched(connection, _people().where(people.c.user_id == user_id), user_id)


def lock(connection: Connection, user_id: str) -> Person:
    """
    The same; nobody else decides of the person until the transaction ends.  Raises NoSuchPerson.
    """
    held = select(people.c.user_id).where(people.c.user_id == user_id).with_for_update()
    connection.execute(held).all()
    return fetch(connection, user_id)


def _fetched(connection: Connection, wanted: Select[Any], user_id: str) -> Person:
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise NoSuchPerson(user_id)
    return _person(row)


def listed(
    connection: Connection, state: State | None, after: str | None, most: int
) -> tuple[list[Person], bool]:
    """
    A page of those who signed up, in the order of their ids, and whether more follow.  state: only
    those in it.  after: the last id of the page before.
    """
    wanted = _people()
    if state is not None:
        wanted = wanted.where(_IN_STATE[state])
    if after is not None:
        wanted = wanted.where(people.c.user_id > after)
    rows = connection.execute(wanted.order_by(people.c.user_id).limit(most + 1)).all()
    return [_person(row) for row in rows[:most]], len(rows) > most


def unverified_of(connection: Connection, domain_id: str, email: str) -> Person | None:
    """
    Of those who say that the address is theirs and have not shown it, the latest.
    """
    wanted = _people().where(
        people.c.email == email, users.c.domain_id == domain_id, _IN_STATE[State.UNVERIFIED]
    )
    latest = wanted.order_by(users.c.created_at.desc(), people.c.user_id).limit(1)
    row = connection.execute(latest).first()
    return None if row is None else _person(row)


def forget_lapsed(connection: Connection, doing: Doing) -> None:
    """
    Some of those who did not verify their address in time are gone, and their names are free; so
    are links that have ended.
    """
    expire(connection, doing.now)
    lapsed = (
        select(people.c.user_id)
        .outerjoin(users, users.c.id == people.c.user_id)
        .where(people.c.lapses_at <= doing.now, people.c.verified_at.is_(None))
        .where(users.c.enabled.is_not(True))  # an administrator has enabled it meanwhile
        .order_by(people.c.lapses_at)
        .limit(LAPSED_AT_ONCE)
        .with_for_update(skip_locked=True, of=people)
    )
    for (user_id,) in connection.execute(lapsed).all():
        user = things.find(connection, USER, user_id)
        if user is None:
            forget(connection, user_id)
            continue
        doing.follower.ends(connection, "user", user, doing.told)
        forget(connection, user_id)
        remove_user(connection, USER, user, doing.now, doing.horizon_s)
        append(connection, Entry(FORGOTTEN, "user", user_id), doing.told.now_us)

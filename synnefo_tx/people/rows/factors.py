"""
Units of work on the second factor that a person has enrolled.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from attrs import field, frozen
from sqlalchemy import Connection, delete, select

from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.rows import recovery, things
from synnefo_tx.identity.rows.delegation_tables import credentials
from synnefo_tx.identity.rows.kinds import CREDENTIAL, USER
from synnefo_tx.identity.rows.second_factors import enrolled
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rules.totp import ENROLLED, TOTP, USED
from synnefo_tx.openid.rows import sessions
from synnefo_tx.people.errors import AskedForByOthers, FactorEnrolled, NoFactor
from synnefo_tx.people.rules.factors import demanding, is_asked_for, released


@frozen
class Standing:
    """
    asked_for: whether log-ins take a code.  codes_left: of those for recovery.
    """

    enrolled: bool
    asked_for: bool
    codes_left: int


@frozen
class Enrolment:
    """
    sealed: the secret.  step: whose code has confirmed it, and is good no more.  spare: digests of
    recovery codes.
    """

    sealed: str = field(repr=False)
    step: int
    spare: tuple[str, ...] = field(repr=False)


def standing(connection: Connection, user_id: str) -> Standing:
    """
    Raises AccountNotFound.
    """
    user = things.fetch(connection, USER, user_id)
    return Standing(
        bool(enrolled(connection, user_id)),
        is_asked_for(user["options"]),
        recovery.left(connection, user_id),
    )


def enrol(connection: Connection, user_id: str, given: Enrolment) -> None:
    """
    The user has this factor, in the place of any other, and log-ins ask for it.  Raises
    FactorEnrolled.
    """
    user = locked(connection, user_id)
    if enrolled(connection, user_id):
        raise FactorEnrolled
    _remove_factors(connection, user_id)
    factor = {
        "id": uuid.uuid4().hex,
        "user_id": user_id,
        "project_id": None,
        "type": TOTP,
        "blob": given.sealed,
        ENROLLED: True,
        USED: given.step,
    }
    things.create(connection, CREDENTIAL, factor)
    recovery.renew(connection, user_id, given.spare)
    things.change(connection, USER, user_id, {"options": demanding(user["options"])})
    sessions.end_all(connection, user_id)  # they were begun with less


def disenrol(connection: Connection, user_id: str, *, by_person: bool) -> None:
    """
    The user has no second factor, and log-ins ask for none.  Raises NoFactor, and AskedForByOthers
    for a person whose log-ins an administrator has bound to one.
    """
    user = locked(connection, user_id)
    if not enrolled(connection, user_id):
        raise NoFactor
    options = released(user["options"])
    if by_person and is_asked_for(options):
        raise AskedForByOthers
    _remove_factors(connection, user_id)
    recovery.renew(connection, user_id, ())
    things.change(connection, USER, user_id, {"options": options})


def renew_codes(connection: Connection, user_id: str, digests: Iterable[str]) -> None:
    """
    Other recovery codes.  Raises NoFactor.
    """
    locked(connection, user_id)
    if not enrolled(connection, user_id):
        raise NoFactor
    recovery.renew(connection, user_id, digests)


def locked(connection: Connection, user_id: str) -> Thing:
    """
    The user, as nobody else changes it to the transaction's end.  Raises AccountNotFound.
    """
    row = select(users.c.id).where(users.c.id == user_id).with_for_update()
    if connection.execute(row).first() is None:
        raise AccountNotFound("user", user_id)
    return things.fetch(connection, USER, user_id)


def _remove_factors(connection: Connection, user_id: str) -> None:
    mine = (credentials.c.user_id == user_id) & (credentials.c.type == TOTP)
    connection.execute(delete(credentials).where(mine))

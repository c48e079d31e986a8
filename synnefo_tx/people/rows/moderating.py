"""
Units of work by which those who signed up are let in, kept out, put aside and brought back.

Source: Synnefo's astakos/im/activation_backends.py: who may be accepted, rejected, activated.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, update

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import PROJECT, USER
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rows.users import change_user
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.errors import NotInThatState
from synnefo_tx.people.model import Moderation, Person, State
from synnefo_tx.people.rows import records
from synnefo_tx.people.rows.tables import people

Unit = Callable[[Connection, str, str, Doing], Person]


def accept(connection: Connection, user_id: str, reason: str, doing: Doing) -> Person:
    """
    The person may log in; also one who was rejected before.  Raises NoSuchPerson, NotInThatState.
    """
    person = _held(connection, user_id, "accept", State.PENDING, State.REJECTED)
    _decide(connection, person, Moderation.ACCEPTED, reason, doing)
    return _switch(connection, person, True, doing)


def reject(connection: Connection, user_id: str, reason: str, doing: Doing) -> Person:
    """
    The person may not, and keeps name and address: signing up again leads nowhere.  Raises
    NoSuchPerson, NotInThatState.
    """
    person = _held(connection, user_id, "reject", State.PENDING)
    _decide(connection, person, Moderation.REJECTED, reason, doing)
    return _switch(connection, person, False, doing)


def deactivate(connection: Connection, user_id: str, reason: str, doing: Doing) -> Person:
    """
    The person is disabled, and all tokens end.  Raises NoSuchPerson, NotInThatState.
    """
    person = _held(connection, user_id, "deactivate", State.ACCEPTED)
    _decide(connection, person, Moderation.ACCEPTED, reason, doing)
    return _switch(connection, person, False, doing)


def reactivate(connection: Connection, user_id: str, reason: str, doing: Doing) -> Person:
    """
    And enabled again.  Raises NoSuchPerson, NotInThatState.
    """
    person = _held(connection, user_id, "reactivate", State.DEACTIVATED)
    _decide(connection, person, Moderation.ACCEPTED, reason, doing)
    return _switch(connection, person, True, doing)


ACTIONS: dict[str, Unit] = {
    "accept": accept,
    "reject": reject,
    "deactivate": deactivate,
    "reactivate": reactivate,
}


def _held(connection: Connection, user_id: str, action: str, *states: State) -> Person:
    person = records.lock(connection, user_id)
    if person.state not in states:
        raise NotInThatState(action, person.state)
    return person


def _decide(
    connection: Connection, person: Person, moderation: Moderation, reason: str, doing: Doing
) -> None:
    decided = update(people).where(people.c.user_id == person.user_id)
    values = {"moderation": moderation, "moderated_at": doing.now, "reason": reason}
    connection.execute(decided.values(values))


def _switch(connection: Connection, person: Person, enabled: bool, doing: Doing) -> Person:
    """
    Identity's user is enabled or not, as by Keystone's own call, and its followers know.
    """
    before = things.fetch(connection, USER, person.user_id)
    if before["enabled"] != enabled:
        changes: Thing = {"enabled": enabled}
        if enabled:
            changes |= {"failed_logins": 0, "failed_login_at": None, "last_active_at": doing.now}
        after = change_user(connection, USER, before, changes, doing.now, doing.horizon_s)
        doing.follower.changed(connection, "user", before, after, doing.told)
        if enabled and before["default_project_id"] is None:
            _at_home(connection, person.user_id)
    return records.fetch(connection, person.user_id)


def _at_home(connection: Connection, user_id: str) -> None:
    """
    Log-ins that name no project are for the personal one, if there are such.
    """
    if things.find(connection, PROJECT, user_id) is not None:
        things.change(connection, USER, user_id, {"default_project_id": user_id})

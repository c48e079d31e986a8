"""
Units of work that give and take roles, with the checks and the revocations that belong to it.

Source: Keystone's keystone/assignment/core.py, release 2026.1.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from synnefo_tx.errors import Forbidden, NotFound
from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.grants import Grant, grant, is_granted, take_away
from synnefo_tx.identity.rows.kinds import DOMAIN, GROUP, PROJECT, ROLE, USER
from synnefo_tx.identity.rows.revocations import end_of, revoke
from synnefo_tx.identity.rows.tables import assignments, group_members, roles
from synnefo_tx.identity.rows.things import Thing

_ACTORS = {"user": USER, "group": GROUP}
_TARGETS = {"project": PROJECT, "domain": DOMAIN}


class NoSuchGrant(NotFound):
    """
    Nobody holds exactly this.
    """

    def __init__(self, given: Grant) -> None:
        super().__init__(
            f"Could not find role assignment with role: {given.role_id}, "
            f"user or group: {given.actor_id}, project, domain, or system: {given.target_id}."
        )


class RoleOfOtherDomain(Forbidden):
    """
    A role of one domain, given on something of another.
    """

    def __init__(self, given: Grant) -> None:
        super().__init__(
            f"Role {given.role_id} of another domain cannot be assigned on "
            f"{given.target_kind} {given.target_id}."
        )


def parties(connection: Connection, given: Grant) -> tuple[Thing, Thing | None]:
    """
    The actor and the target (None: the system).  Raises AccountNotFound.
    """
    target = None
    if given.target_kind in _TARGETS:
        target = things.fetch(connection, _TARGETS[given.target_kind], given.target_id)
    return things.fetch(connection, _ACTORS[given.actor_kind], given.actor_id), target


def give(connection: Connection, given: Grant) -> None:
    """
    Give the role.  Nothing happens when it is held.  Raises AccountNotFound, RoleOfOtherDomain.
    """
    role = things.fetch(connection, ROLE, given.role_id)
    _, target = parties(connection, given)
    if role["domain_id"]:
        place = (target or {}).get("domain_id", given.target_id)
        if place != role["domain_id"]:
            raise RoleOfOtherDomain(given)
    grant(connection, given)


def check(connection: Connection, given: Grant) -> None:
    """
    Raises AccountNotFound and NoSuchGrant.
    """
    things.fetch(connection, ROLE, given.role_id)
    parties(connection, given)
    if not is_granted(connection, given):
        raise NoSuchGrant(given)


def take(connection: Connection, given: Grant, now: int, horizon_s: int) -> None:
    """
    Take the role away; tokens that it gave end.  Raises AccountNotFound and NoSuchGrant.
    """
    things.fetch(connection, ROLE, given.role_id)
    if not take_away(connection, given):
        raise NoSuchGrant(given)
    for user_id in _users(connection, given):
        ended = end_of(RevocationKind.USER, user_id, now, horizon_s)
        if not given.inherited:  # else the places below it are many
            place = f"{user_id}/{given.target_id}"
            ended = Revocation(RevocationKind.GRANT, place, now, now + horizon_s)
        revoke(connection, ended, now)


def roles_given(given: Grant) -> ColumnElement[bool]:
    """
    For `list_things`: the roles that the actor holds on the target.  given: its role is ignored.
    """
    held = select(assignments.c.role_id).where(
        assignments.c.actor_kind == given.actor_kind,
        assignments.c.actor_id == given.actor_id,
        assignments.c.target_kind == given.target_kind,
        assignments.c.target_id == given.target_id,
        assignments.c.inherited.is_(given.inherited),
    )
    return roles.c.id.in_(held)


def _users(connection: Connection, given: Grant) -> list[Any]:
    if given.actor_kind == "user":
        return [given.actor_id]
    inside = select(group_members.c.user_id).where(group_members.c.group_id == given.actor_id)
    return [row.user_id for row in connection.execute(inside)]

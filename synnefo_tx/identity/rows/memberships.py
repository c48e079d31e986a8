"""
Units of work on groups and their members.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import GROUP, USER
from synnefo_tx.identity.rows.revocations import revoke
from synnefo_tx.identity.rows.tables import assignments, group_members, groups, users
from synnefo_tx.identity.rows.things import Kind, Thing


def add_member(connection: Connection, user_id: str, group_id: str) -> None:
    """
    The user gets the group's roles.  Nothing happens when the user is a member.  Raises
    AccountNotFound.
    """
    things.fetch(connection, USER, user_id)
    things.fetch(connection, GROUP, group_id)
    if is_member(connection, user_id, group_id):
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(group_members).values(user_id=user_id, group_id=group_id))
    except IntegrityError:
        pass  # another transaction was quicker


def remove_member(
    connection: Connection, user_id: str, group_id: str, now: int, horizon_s: int
) -> bool:
    """
    The user loses the group's roles; all the user's tokens end.  False: it was no member.
    """
    gone = connection.execute(
        delete(group_members).where(
            group_members.c.user_id == user_id, group_members.c.group_id == group_id
        )
    )
    if gone.rowcount:
        revoke(connection, Revocation(RevocationKind.USER, user_id, now, now + horizon_s), now)
    return bool(gone.rowcount)


def is_member(connection: Connection, user_id: str, group_id: str) -> bool:
    """
    Whether the user is in the group.
    """
    found = select(group_members.c.user_id).where(
        group_members.c.user_id == user_id, group_members.c.group_id == group_id
    )
    return connection.execute(found).first() is not None


def members_of(group_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the users in the group.
    """
    inside = select(group_members.c.user_id).where(group_members.c.group_id == group_id)
    return users.c.id.in_(inside)


def groups_of(user_id: str) -> ColumnElement[bool]:
    """
    For `list_things`: the groups that the user is in.
    """
    around = select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    return groups.c.id.in_(around)


def remove_group(
    connection: Connection, kind: Kind, group: Thing, now: int, horizon_s: int
) -> None:
    """
    The group goes, with its roles; tokens of its members end.
    """
    group_id = group["id"]
    inside = select(group_members.c.user_id).where(group_members.c.group_id == group_id)
    for row in connection.execute(inside).all():
        revoke(connection, Revocation(RevocationKind.USER, row.user_id, now, now + horizon_s), now)
    connection.execute(delete(group_members).where(group_members.c.group_id == group_id))
    connection.execute(
        delete(assignments).where(
            assignments.c.actor_kind == "group", assignments.c.actor_id == group_id
        )
    )
    things.remove(connection, kind, group_id)

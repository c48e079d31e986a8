"""
What membership and a project's state mean to Keystone and to the quotaholder: roles, tokens,
limits.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from synnefo_tx.account.errors import NameInUse
from synnefo_tx.account.model import Doing
from synnefo_tx.account.rows import records
from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.accounts import NameTaken
from synnefo_tx.identity.rows.grants import Grant, grant, take_away
from synnefo_tx.identity.rows.kinds import PROJECT
from synnefo_tx.identity.rows.projects import change_project, create_project
from synnefo_tx.identity.rows.revocations import revoke
from synnefo_tx.identity.rows.tables import roles, users
from synnefo_tx.quota.rows.limits import set_limits
from synnefo_tx.quota.rows.project_limits import Said, said_limits
from synnefo_tx.quota.rows.resources import listed

MEMBER = "member"  # the role that a membership gives


class NoMemberRole(Exception):
    """
    A cloud without the role "member", which every first start makes.
    """


def give_role(connection: Connection, project_id: str, user_id: str) -> None:
    """
    The member has the role on the project.
    """
    grant(connection, _place(connection, project_id, user_id))


def take_role(connection: Connection, doing: Doing, project_id: str, user_id: str) -> None:
    """
    The role goes and the user's tokens for the project end; who worked there by default works in
    the personal project again.
    """
    take_away(connection, _place(connection, project_id, user_id))
    place = f"{user_id}/{project_id}"
    until = doing.now + doing.horizon_s
    revoke(connection, Revocation(RevocationKind.GRANT, place, doing.now, until), doing.now)
    here = (users.c.id == user_id) & (users.c.default_project_id == project_id)
    personal = records.find(connection, user_id)
    home = user_id if personal is not None and personal.is_personal else None
    connection.execute(update(users).where(here).values(default_project_id=home))


def make_project(connection: Connection, thing: dict[str, Any]) -> None:
    """
    Keystone's project.  thing: id, name, domain_id and description.  Raises NameInUse.
    """
    whole = {"enabled": True, "parent_id": thing["domain_id"], "options": {}} | thing
    try:
        create_project(connection, PROJECT, whole)
    except NameTaken as error:
        raise NameInUse(thing["name"]) from error


def change_keystones(
    connection: Connection, doing: Doing, project_id: str, changes: dict[str, Any]
) -> None:
    """
    Other values for Keystone's project, where there is one; disabling it ends its tokens.  Raises
    NameInUse.
    """
    before = things.find(connection, PROJECT, project_id)
    if before is None or all(before[name] == value for name, value in changes.items()):
        return
    try:
        change_project(connection, PROJECT, before, dict(changes), doing.now, doing.horizon_s)
    except NameTaken as error:
        raise NameInUse(changes["name"]) from error


def rest_limits(connection: Connection, project_id: str) -> Said:
    """
    Nobody takes anything more.  The limits that the project had, to keep for `wake_limits`.
    """
    kept = said_limits(connection, [project_id]).get(project_id, {})
    none = {row.name: (0, 0) for row in listed(connection)}
    set_limits(connection, project_id, none)
    return kept


def wake_limits(connection: Connection, project_id: str, kept: Said) -> None:
    """
    The limits hold that were kept, and the defaults of all else.
    """
    nothing = (None, None)
    names = [row.name for row in listed(connection)]
    set_limits(connection, project_id, {name: kept.get(name, nothing) for name in names})


def _place(connection: Connection, project_id: str, user_id: str) -> Grant:
    wanted = select(roles.c.id).where(roles.c.name == MEMBER, roles.c.domain_id == "")
    role_id = connection.execute(wanted).scalar()
    if role_id is None:
        raise NoMemberRole
    return Grant("user", user_id, "project", project_id, str(role_id))

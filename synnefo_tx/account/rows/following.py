"""
Identity's changes, followed by the records of projects and memberships.
"""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection, func, select
from zope.interface import implementer

from synnefo_tx.account.model import Actor, Doing
from synnefo_tx.account.rows import personal
from synnefo_tx.identity.follower import IFollower, Thing, Told
from synnefo_tx.identity.rows.tables import projects, users

ENSURE_LOCK = 0x41535441  # any number that nothing else of ours locks


@implementer(IFollower)
@frozen
class AccountFollower:
    """
    personal_projects: whether users that Keystone makes get one, when they are first enabled.
    """

    personal_projects: bool = True

    def made(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        A record for the project; a personal project for the user.
        """
        doing = _doing(told)
        if noun == "project":
            personal.record_project(connection, doing, dict(thing))
        elif noun == "user" and thing["enabled"] and self.personal_projects:
            personal.ensure_personal(connection, doing, thing["id"], thing["domain_id"])

    def changed(
        self, connection: Connection, noun: str, before: Thing, after: Thing, told: Told
    ) -> None:
        """
        Names and states follow.
        """
        doing = _doing(told)
        if noun == "project":
            personal.follow_project(connection, doing, dict(before), dict(after))
        elif noun == "user" and before["enabled"] != after["enabled"]:
            if not after["enabled"]:
                personal.disable_user(connection, doing, after["id"])
                return
            personal.enable_user(connection, doing, after["id"])
            if self.personal_projects:
                personal.ensure_personal(connection, doing, after["id"], after["domain_id"])

    def ends(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        Memberships end.
        """
        doing = _doing(told)
        if noun == "project":
            personal.end_project(connection, doing, thing["id"])
        elif noun == "user":
            personal.end_user(connection, doing, thing["id"])
        elif noun == "domain" and not thing["enabled"]:  # else it is refused
            self._end_domain(connection, doing, thing["id"])

    def _end_domain(self, connection: Connection, doing: Doing, domain_id: str) -> None:
        for user in connection.execute(select(users.c.id).where(users.c.domain_id == domain_id)):
            personal.leave_all(connection, doing, user.id)
        inside = select(projects.c.id).where(projects.c.domain_id == domain_id)
        for project in connection.execute(inside):
            personal.end_project(connection, doing, project.id)


def _doing(told: Told) -> Doing:
    return Doing(Actor(told.user_id, is_admin=True), told.now_us, told.horizon_s)


def ensure_accounts(connection: Connection, personal_projects: bool, now_us: int) -> None:
    """
    At every start: every project has its record and every enabled user the personal project.  No
    token has to end for it.
    """
    if connection.dialect.name == "postgresql":  # two may start at once; SQLite locks anyway
        connection.execute(select(func.pg_advisory_xact_lock(ENSURE_LOCK)))
    doing = Doing(Actor("", is_admin=True), now_us, 0)
    personal.ensure_records(connection, doing, personal_projects)

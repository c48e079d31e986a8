"""
People go when identity's users go.
"""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection
from zope.interface import implementer

from synnefo_tx.account.rows.following import AccountFollower
from synnefo_tx.identity.follower import IFollower, Several, Thing, Told
from synnefo_tx.people.rows import emails
from synnefo_tx.people.rows.forgetting import forget, forget_domain, forget_group


@implementer(IFollower)
@frozen
class PeopleFollower:
    """
    Nothing is kept of those who are gone.
    """

    def made(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        Nothing: users of administrators are none of ours.
        """

    def changed(
        self, connection: Connection, noun: str, before: Thing, after: Thing, told: Told
    ) -> None:
        """
        Who has another address has not shown that it is theirs.
        """
        if noun == "user" and before.get("email") != after.get("email"):
            emails.noted(connection, after["id"], after.get("email"))

    def ends(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        The user, the group, or all who are in the domain, are forgotten.
        """
        if noun == "user":
            forget(connection, thing["id"])
        elif noun == "group":
            forget_group(connection, thing["id"])
        elif noun == "domain" and not thing["enabled"]:  # else it is refused
            forget_domain(connection, thing["id"])


def cloud_follower(personal_projects: bool) -> IFollower:
    """
    Whoever follows users and projects in this cloud.
    """
    return Several((AccountFollower(personal_projects), PeopleFollower()))

"""
Quota as the services see it: who pays, what is held.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

NO_LIMIT = -1


@frozen(order=True)
class Key:
    """
    One holding: what `holder` ("user:<id>" or "project:<id>") has of `source` ("project:<id>", or
    "" for what a project has itself).  Ordered, so that everybody locks in one order.
    """

    holder: str
    source: str
    resource: str


@frozen
class Payer:
    """
    Whom something is charged to: a project, and the user in it.  user_id: "" charges the project
    alone.
    """

    user_id: str
    project_id: str

    def keys(self, resource: str) -> tuple[Key, ...]:
        """
        The holdings that pay for `resource`.
        """
        of_project = project_key(self.project_id, resource)
        if not self.user_id:
            return (of_project,)
        return (of_project, member_key(self.user_id, self.project_id, resource))


def project_key(project_id: str, resource: str) -> Key:
    """
    What the project as a whole has.
    """
    return Key(f"project:{project_id}", "", resource)


def member_key(user_id: str, project_id: str, resource: str) -> Key:
    """
    What the user has of the project.
    """
    return Key(f"user:{user_id}", f"project:{project_id}", resource)


@frozen
class Holding:
    """
    A limit (NO_LIMIT: none) and what is used of it, with what is pending: asked for, not yet
    resolved.  pending <= used, but for releases, which are used until they are accepted.
    """

    limit: int
    used: int
    pending: int = 0

    def has_room(self, amount: int) -> bool:
        """
        Whether `amount` more may be used.
        """
        return self.limit < 0 or self.used + amount <= self.limit


@frozen
class Provision:
    """
    A change asked for by a commission; quantity > 0 takes, < 0 gives back.
    """

    key: Key
    quantity: int


@frozen
class InProject:
    """
    What a user has of a project, under the limit in effect, and what the whole project has.
    """

    member: Holding
    project: Holding


@frozen
class Wanted:
    """
    A commission to issue.  client: who asks.  force: whatever the limits; nobody can give back
    more than there is, even so.
    """

    client: str
    provisions: Sequence[Provision]
    name: str = ""
    force: bool = False
    accept: bool = False

"""
What people are told of their projects: values, handed to whoever delivers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen
from sqlalchemy import Connection
from zope.interface import Interface, implementer


@frozen
class Notice:
    """
    kind: "application-submitted", "modification-submitted", "application-approved",
    "application-denied", "project-suspended", "project-unsuspended", "project-terminated",
    "project-reinstated", "join-requested", "leave-requested", "member-accepted",
    "member-rejected", "member-removed", "member-enrolled" or "feedback".
    user_ids: whom to tell.  to_admins: the administrators of the cloud too.
    details: name of the project and what else the text needs.
    """

    kind: str
    project_id: str
    user_ids: tuple[str, ...] = ()
    to_admins: bool = False
    details: Mapping[str, Any] = field(factory=dict)


class INotifier(Interface):
    """
    Delivers notices.
    """

    def notify(connection: Connection, notice: Notice) -> None:
        """
        Keep the notice, in the transaction of what it tells, to be delivered after its end.
        """


@implementer(INotifier)
class Silence:
    """
    Tells nobody.
    """

    def notify(self, connection: Connection, notice: Notice) -> None:
        """
        Nothing.
        """


@implementer(INotifier)
@define
class MemoryNotifier:
    """
    Keeps what it was given, for tests.
    """

    notices: list[Notice] = field(factory=list)

    def notify(self, connection: Connection, notice: Notice) -> None:
        """
        Remember it.
        """
        self.notices.append(notice)

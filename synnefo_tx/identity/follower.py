"""
Who must know when users, projects and domains come, change and go: another service that keeps its
own records of them, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from sqlalchemy import Connection
from zope.interface import Interface, implementer

Thing = Mapping[str, Any]


@frozen
class Told:
    """
    By whom it is done, and when.  user_id: "" when nobody is known.  horizon_s: how long tokens
    live that may have to end.
    """

    user_id: str
    now_us: int
    horizon_s: int


class IFollower(Interface):
    """
    Follows what identity keeps.  noun: "user", "project", "domain" or any other kind.
    """

    def made(connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        It is there now.
        """

    def changed(connection: Connection, noun: str, before: Thing, after: Thing, told: Told) -> None:
        """
        It is changed now.
        """

    def ends(connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        It is there still, and is about to go.
        """


@implementer(IFollower)
class Nobody:
    """
    Nobody follows.
    """

    def made(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        Nothing.
        """

    def changed(
        self, connection: Connection, noun: str, before: Thing, after: Thing, told: Told
    ) -> None:
        """
        Nothing.
        """

    def ends(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        Nothing.
        """


@implementer(IFollower)
@frozen
class Several:
    """
    Followers, told one after the other.
    """

    followers: tuple[IFollower, ...]

    def made(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        All are told.
        """
        for one in self.followers:
            one.made(connection, noun, thing, told)

    def changed(
        self, connection: Connection, noun: str, before: Thing, after: Thing, told: Told
    ) -> None:
        """
        All are told.
        """
        for one in self.followers:
            one.changed(connection, noun, before, after, told)

    def ends(self, connection: Connection, noun: str, thing: Thing, told: Told) -> None:
        """
        All are told.
        """
        for one in self.followers:
            one.ends(connection, noun, thing, told)

"""
Whoever has shown an address is told when the ways to log in change: it may have been a thief.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from sqlalchemy import Connection

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.people.mail.queue import post
from synnefo_tx.people.rows import addresses

P = ParamSpec("P")
ENROLLED = "a second factor was set up."
ENDED = "the second factor was ended."
RENEWED = "there are other recovery codes."
FIRST_PASSWORD = "a password was set."  # noqa: S105 - a text


def tell(connection: Connection, base_url: str, user_id: str, what: str) -> None:
    """
    A letter to the user's verified address, if there is one.
    """
    email = addresses.of_user(connection, user_id)
    if email:
        name = things.fetch(connection, USER, user_id)["name"]
        post(connection, "log-in-changed", email, {"name": name, "what": what, "url": base_url})


def told(
    base_url: str, what: str, unit: Callable[Concatenate[Connection, str, P], None]
) -> Callable[Concatenate[Connection, str, P], None]:
    """
    `unit`, which is about a user, and the letter about it.
    """

    def both(connection: Connection, user_id: str, /, *args: P.args, **kwargs: P.kwargs) -> None:
        unit(connection, user_id, *args, **kwargs)
        tell(connection, base_url, user_id, what)

    return both

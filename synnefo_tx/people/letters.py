"""
The letters of signing up, put into the queue in the transaction of what they tell.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.people.mail.queue import post
from synnefo_tx.people.model import PATH, Person, Registration, State
from synnefo_tx.people.rows.registering import Registered
from synnefo_tx.people.settings import SignUp

VERIFY_PATH = f"/account{PATH}/verify"


def registered(
    connection: Connection, base_url: str, wanted: Registration, done: Registered, ends_at: int
) -> None:
    """
    What became of a registration.  ends_at: of its link, seconds.
    """
    if done.outcome == "made":
        verify(connection, base_url, wanted.name, wanted.email, done.link, ends_at)
        return
    template = "address-known" if done.outcome == "known" else "name-taken"
    post(connection, template, wanted.email, {"name": wanted.name, "url": base_url})


def verify(
    connection: Connection, base_url: str, name: str, email: str, link: str, ends_at: int
) -> None:
    """
    The link that verifies an address.  ends_at: its end, seconds.
    """
    url = f"{base_url}{VERIFY_PATH}?link={link}"
    post(connection, "verify", email, {"name": name, "url": url}, ends_at)


def decided(connection: Connection, base_url: str, settings: SignUp, person: Person) -> None:
    """
    How far the person has come: tells the person, or those who are to decide.
    """
    values = {"name": person.name, "email": person.email, "reason": person.reason, "url": base_url}
    if person.state is State.PENDING:
        for moderator in settings.moderators:
            post(connection, "person-waits", moderator, values)
        return
    if not person.email:  # another provider told none
        return
    if person.state is State.ACCEPTED:
        values |= {"reason": ""}  # which pattern it was is nobody's business
    post(connection, f"account-{person.state}", person.email, values)

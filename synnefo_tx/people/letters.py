"""
The letters of signing up, put into the queue in the transaction of what they tell.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.people.mail.queue import post
from synnefo_tx.people.model import PATH, Person, Registration, State
from synnefo_tx.people.rows import emails, resetting
from synnefo_tx.people.rows.registering import Registered
from synnefo_tx.people.settings import SignUp

VERIFY_PATH = f"/account{PATH}/verify"
FORGOTTEN_PATH = f"/account{PATH}/password/forgotten"
RESET_PATH = f"/account{PATH}/password/reset"
CONFIRM_PATH = f"/account{PATH}/email/confirm"


def registered(
    connection: Connection, base_url: str, wanted: Registration, done: Registered, ends_at: int
) -> None:
    """
    What became of a registration.  ends_at: of its link, seconds.
    """
    if done.outcome == "made":
        verify(connection, base_url, wanted.name, wanted.email, done.link, ends_at)
        return
    template, url = "name-taken", base_url
    if done.outcome == "known":
        template, url = "address-known", f"{base_url}{FORGOTTEN_PATH}"
    post(connection, template, wanted.email, {"name": wanted.name, "url": url})


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


def forgotten(
    connection: Connection, base_url: str, asked: resetting.Asked, link: str, ends_at: int
) -> None:
    """
    The link that sets another password, or why there is none.
    """
    values = {"name": asked.name, "url": base_url}
    if asked.outcome == "no-password":
        post(connection, "no-password", asked.email, values, ends_at)
        return
    url = f"{base_url}{RESET_PATH}?link={link}"
    post(connection, "reset", asked.email, values | {"url": url}, ends_at)


def password_changed(connection: Connection, base_url: str, name: str, email: str) -> None:
    """
    The password was set by a link.
    """
    post(connection, "password-changed", email, {"name": name, "url": base_url})


def change_asked(
    connection: Connection, base_url: str, name: str, email: str, asked: emails.Asked, ends_at: int
) -> None:
    """
    To the new address, the link that verifies it, or that it is another account's; to the old one,
    that somebody wants it changed.
    """
    values = {"name": name, "email": email, "url": base_url}
    template = "change-email" if asked.link else "address-in-use"
    url = f"{base_url}{CONFIRM_PATH}?link={asked.link}" if asked.link else base_url
    post(connection, template, email, values | {"url": url}, ends_at)
    if asked.before:
        post(connection, "email-change-asked", asked.before, values)


def email_changed(connection: Connection, base_url: str, changed: emails.Changed) -> None:
    """
    To the old address: letters come there no more.
    """
    if changed.before and changed.before != changed.email:
        values = {"name": changed.name, "email": changed.email, "url": base_url}
        post(connection, "email-changed", changed.before, values)

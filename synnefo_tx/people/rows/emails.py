"""
Units of work on people's e-mail addresses that change.
"""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection, update

from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.errors import BadField, LinkWorthless
from synnefo_tx.people.rows import addresses, links
from synnefo_tx.people.rows.factors import locked
from synnefo_tx.people.rows.tables import people
from synnefo_tx.people.rows.taking import taken
from synnefo_tx.people.rules.addresses import read_address


@frozen
class Asked:
    """
    link: that verifies the new address; "": it is another account's.  before: the present address;
    "": there is none.
    """

    link: str
    before: str


@frozen
class Changed:
    """
    before: the address that was; "": there was none.
    """

    user_id: str
    name: str
    before: str
    email: str


def ask(connection: Connection, user: User, email: str, ends_at: int) -> Asked:
    """
    The new address is to be verified; a link that waits for another ends.  The work is the same
    whosever the address is.  Raises AccountNotFound.
    """
    locked(connection, user.id)
    owner = addresses.owner_of(connection, user.domain_id, email)
    links.end(connection, "change-email", user.id)
    attempt = connection.begin_nested()
    link = links.give(connection, "change-email", user.id, email, ends_at)
    if owner in ("", user.id):
        attempt.commit()
    else:
        attempt.rollback()
        link = ""
    return Asked(link, _present(connection, user))


def _present(connection: Connection, user: User) -> str:
    """
    The verified address, or else what the user's record tells.
    """
    try:
        return addresses.of_user(connection, user.id) or read_address(user.extra.get("email"))
    except BadField:
        return ""


def to_confirm(connection: Connection, value: str, now: int) -> tuple[User, str]:
    """
    Whose address the link would change, and to which.  Raises LinkWorthless.
    """
    return _open(connection, links.look(connection, "change-email", value, now))


def _open(connection: Connection, link: links.Link | None) -> tuple[User, str]:
    user = None if link is None else find_user(connection, link.user_id)
    if link is None or user is None or not user.enabled:
        raise LinkWorthless
    return user, link.detail


def confirm(connection: Connection, value: str, doing: Doing) -> Changed:
    """
    The new address is the user's; links that were sent to the old one end.  Raises LinkWorthless
    and AddressTaken.
    """
    user, email = _open(connection, taken(connection, "change-email", value, doing.now))
    record = things.fetch(connection, USER, user.id)
    before = _present(connection, user)
    addresses.claim(connection, user.domain_id, email, user.id)
    after = things.change(connection, USER, user.id, {"email": email})
    connection.execute(update(people).where(people.c.user_id == user.id).values(email=email))
    links.end(connection, "reset", user.id)
    doing.follower.changed(connection, "user", record, after, doing.told)
    return Changed(user.id, user.name, before, email)


def noted(connection: Connection, user_id: str, email: object) -> None:
    """
    Somebody has written another address into the user's record: the verified one has no claim any
    more, and neither have links that were sent.
    """
    try:
        address = read_address(email)
    except BadField:
        address = ""
    if address and address == addresses.of_user(connection, user_id):
        return
    addresses.release(connection, user_id)
    for kind in ("reset", "change-email"):
        links.end(connection, kind, user_id)
    # Who is still to verify one verifies that to which the link was sent.
    verified = update(people).where(people.c.user_id == user_id, people.c.verified_at.is_not(None))
    connection.execute(verified.values(email=address))

"""
Units of work on passwords that were forgotten.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from attrs import frozen
from sqlalchemy import Connection, Row, select, update

from synnefo_tx.identity.model import User
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.identity.rows.tables import domains, users
from synnefo_tx.identity.rows.users import NewPassword, set_own_password
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.errors import LinkWorthless
from synnefo_tx.people.rows import addresses, links
from synnefo_tx.people.rows.address_tables import verified_addresses
from synnefo_tx.people.rows.taking import taken


@frozen
class Forgotten:
    """
    Whose password it is: by a verified address, or by a user name; the other is "".
    """

    domain_id: str
    email: str = ""
    name: str = ""


@frozen
class Asked:
    """
    What the owner of the account is told, at the verified address, and nobody else.  "link": that
    sets another password; "no-password": there is none here that it could set; "nobody": nothing.
    """

    outcome: Literal["link", "no-password", "nobody"]
    user_id: str = ""
    name: str = ""
    email: str = ""


def find(connection: Connection, forgotten: Forgotten) -> Asked:
    """
    Whose it is.  Only addresses that were verified count: whoever reads an address that an
    administrator has noted, or mistyped, has no claim to the account.
    """
    wanted = (
        select(users, verified_addresses.c.email.label("address"))
        .join(verified_addresses, verified_addresses.c.user_id == users.c.id)
        .join(domains, domains.c.id == users.c.domain_id)
        .where(users.c.domain_id == forgotten.domain_id)
        .where(users.c.enabled.is_(True), domains.c.enabled.is_(True))
    )
    if forgotten.email:
        wanted = wanted.where(
            verified_addresses.c.domain_id == forgotten.domain_id,
            verified_addresses.c.email == forgotten.email,
        )
    else:
        wanted = wanted.where(users.c.name == forgotten.name)
    row = connection.execute(wanted).first()
    if row is None:
        return Asked("nobody")
    return Asked(_outcome(row), row.id, row.name, row.address)


def _outcome(row: Row[Any]) -> Literal["link", "no-password"]:
    locked = (row.options or {}).get("lock_password")
    return "no-password" if row.password_hash is None or locked else "link"


def give_link(connection: Connection, asked: Asked, ends_at: int) -> str:
    """
    A link that sets another password once, while the address and the password are as they are.
    For nobody it is good for nothing.
    """
    user = find_user(connection, asked.user_id)
    known_hash = (user and user.password_hash) or ""
    mark = _mark(asked.email, known_hash)
    return links.give(connection, "reset", asked.user_id, mark, ends_at)


def _mark(email: str, password_hash: str) -> str:
    return hashlib.sha256(f"{email}\0{password_hash}".encode()).hexdigest()


def to_reset(connection: Connection, value: str, now: int) -> User:
    """
    Whose password the link would set.  Raises LinkWorthless.
    """
    user, _ = _open(connection, links.look(connection, "reset", value, now))
    return user


def _open(connection: Connection, link: links.Link | None) -> tuple[User, str]:
    """
    The user and the verified address.  Raises LinkWorthless.
    """
    user = None if link is None else find_user(connection, link.user_id)
    if link is None or user is None or user.password_hash is None or not user.enabled:
        raise LinkWorthless
    email = addresses.of_user(connection, user.id)
    if not email or link.detail != _mark(email, user.password_hash):
        raise LinkWorthless
    if user.options.get("lock_password"):
        raise LinkWorthless
    return user, email


def reset(connection: Connection, value: str, new: NewPassword, doing: Doing) -> tuple[User, str]:
    """
    The user has another password, and the address that is told of it.  All tokens end, and so do
    all other links by which somebody might take the account.  Raises LinkWorthless.
    """
    user, email = _open(connection, taken(connection, "reset", value, doing.now))
    if user.id != new.user_id:
        raise LinkWorthless
    if not set_own_password(connection, new, doing.now, doing.horizon_s):
        raise LinkWorthless  # another was set meanwhile
    for kind in ("reset", "change-email"):
        links.end(connection, kind, user.id)
    known = update(users).where(users.c.id == user.id)
    connection.execute(known.values(failed_logins=0, failed_login_at=None))
    return user, email

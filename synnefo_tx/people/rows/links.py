"""
Links that are good once, for one thing, until their end: what a mail brings to its reader.

A link's value is an id and 256 random bits, of which only the SHA-256 is kept: who reads the
database can use none of them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from typing import Literal

from attrs import frozen
from sqlalchemy import Connection, delete, insert, select

from synnefo_tx.people.rows.link_tables import links

Kind = Literal["verify", "reset", "change-email"]
LONGEST = 128


@frozen
class Link:
    """
    detail: what the giver of the link wanted to know again, such as a new address.
    """

    kind: str
    user_id: str
    detail: str


def give(connection: Connection, kind: Kind, user_id: str, detail: str, ends_at: int) -> str:
    """
    The value of a new link, safe in a URL.  ends_at: seconds.
    """
    link_id, secret = uuid.uuid4().hex, secrets.token_urlsafe(32)
    row = {
        "id": link_id,
        "kind": kind,
        "user_id": user_id,
        "detail": detail,
        "secret_hash": _digest(secret),
        "ends_at": ends_at,
    }
    connection.execute(insert(links).values(row))
    return f"{link_id}.{secret}"


def look(connection: Connection, kind: Kind, value: str, now: int) -> Link | None:
    """
    What the link is good for, still unused: for a page that asks before it does anything, since
    programs that check mail open links too.  None: for nothing.
    """
    found = _found(connection, kind, value, now)
    return None if found is None else found[1]


def take(connection: Connection, kind: Kind, value: str, now: int) -> Link | None:
    """
    The link, which is used by that.  None: it is used already, has ended, or is no such link.
    Of several at once one gets it.
    """
    found = _found(connection, kind, value, now)
    if found is None:
        return None
    link_id, link = found
    used = connection.execute(delete(links).where(links.c.id == link_id))
    return link if used.rowcount == 1 else None


def end(connection: Connection, kind: Kind, user_id: str) -> None:
    """
    The user's links of the kind are good for nothing any more.
    """
    connection.execute(delete(links).where(links.c.kind == kind, links.c.user_id == user_id))


def expire(connection: Connection, now: int) -> int:
    """
    Those that have ended are forgotten.  How many there were.
    """
    return connection.execute(delete(links).where(links.c.ends_at <= now)).rowcount


def _found(connection: Connection, kind: str, value: str, now: int) -> tuple[str, Link] | None:
    if len(value) > LONGEST or not (value.isascii() and value.isprintable()):
        return None  # databases refuse some texts
    link_id, _, secret = value.partition(".")
    live = select(links).where(links.c.id == link_id, links.c.ends_at > now)
    row = connection.execute(live).one_or_none()
    if row is None or row.kind != kind:
        return None
    if not hmac.compare_digest(row.secret_hash, _digest(secret)):
        return None
    return row.id, Link(row.kind, row.user_id, row.detail)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

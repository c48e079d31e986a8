"""
Units of work on the terms of use: versions, and who has signed which.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.people.errors import NoSuchTerms, NotInForce
from synnefo_tx.people.model import Terms
from synnefo_tx.people.rows.tables import signed_terms, terms


def newest(connection: Connection) -> int | None:
    """
    The version in force; None: there are no terms.
    """
    version: int | None = connection.scalar(select(func.max(terms.c.version)))
    return version


def find(connection: Connection, version: int | None = None) -> Terms:
    """
    A version; the one in force, if none is named.  Raises NoSuchTerms.
    """
    wanted = newest(connection) if version is None else version
    row = connection.execute(select(terms).where(terms.c.version == wanted)).one_or_none()
    if row is None:
        raise NoSuchTerms(version)
    return Terms(row.version, row.content, row.published_at)


def publish(connection: Connection, content: str, now: int) -> Terms:
    """
    The next version, in force from now on.  Tokens that are out stay good; each next log-in by a
    password or a provider asks for the signature.
    """
    while True:
        version = (newest(connection) or 0) + 1
        row = {"version": version, "content": content, "published_at": now}
        try:
            with connection.begin_nested():
                connection.execute(insert(terms).values(row))
        except IntegrityError:  # another administrator was quicker
            continue
        return Terms(version, content, now)


def check_newest(connection: Connection, version: int) -> None:
    """
    Raises NoSuchTerms, and NotInForce for another version than the newest.
    """
    last = newest(connection)
    if last is None or version > last or version < 1:
        raise NoSuchTerms(version)
    if version != last:
        raise NotInForce(version, last)


def sign(connection: Connection, user_id: str, version: int, now: int) -> None:
    """
    The user has signed the version; a second time changes nothing.  Raises NoSuchTerms and
    NotInForce.
    """
    check_newest(connection, version)
    row = {"user_id": user_id, "version": version, "signed_at": now}
    try:
        with connection.begin_nested():
            connection.execute(insert(signed_terms).values(row))
    except IntegrityError:
        return

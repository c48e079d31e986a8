"""
Whether somebody who has shown who they are may log in.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from synnefo_tx.people.rows.tables import people, signed_terms, terms


def why_not(connection: Connection, user_id: str) -> str:
    """
    "" when the user may log in, else the plain reason.  For every way to log in, asked after the
    secret was right; disabled users are refused by identity itself.
    """
    person = connection.execute(select(people).where(people.c.user_id == user_id)).one_or_none()
    if person is not None:
        if person.verified_at is None:
            return "The e-mail address is not verified."
        if person.moderation == "rejected":
            return "The account was rejected."
        if person.moderation != "accepted":
            return "The account is not accepted yet."
    version = connection.scalar(select(func.max(terms.c.version)))
    if version is None:
        return ""
    signed = select(signed_terms.c.version).where(
        signed_terms.c.user_id == user_id, signed_terms.c.version == version
    )
    if connection.scalar(signed) is None:
        return f"Version {version} of the terms of use is not signed."
    return ""

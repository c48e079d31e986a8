"""
Units of work on grants: a code is made, and exchanged once; refresh tokens are good once each.

A code or a refresh token that is shown twice was stolen by one of the two who show it: its grant
ends, with all tokens of both.  That is returned and not raised, so that it is committed.

Source: RFC 6749 10.5, RFC 9700 4.14.2.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, delete, insert, select, update

from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.openid.model import Grant, Issued, Session, Wish
from synnefo_tx.openid.rows.people import person_of, stands
from synnefo_tx.openid.rows.tables import codes, grants, tokens
from synnefo_tx.openid.unguessable import digest, fresh

CODE_S = 60
ACCESS_S = 3600
REFRESH_S = 30 * 24 * 3600  # unused, and as long as
GRANT_S = 180 * 24 * 3600  # this has not passed since the log-in
ACCESS, REFRESH = "access", "refresh"


@frozen
class Stolen:
    """
    The grant that ended because a code or a refresh token of it was shown twice.
    """

    grant_id: str
    user_id: str


@frozen
class Exchange:
    """
    A code as its client shows it.  challenge: made of the verifier; None: none was shown.
    """

    code: str
    client_id: str
    redirect_uri: str
    challenge: str | None


def make_code(connection: Connection, session: Session, wish: Wish, now: int) -> str:
    """
    A code for what the user of the session lets the client do.  Raises NotAuthenticated for one
    who was disabled meanwhile.
    """
    if not stands(connection, session.user_id):
        raise NotAuthenticated
    connection.execute(delete(grants).where(grants.c.expires_at <= now))
    grant_id, code = uuid.uuid4().hex, fresh()
    connection.execute(
        insert(grants).values(
            id=grant_id,
            client_id=wish.client_id,
            user_id=session.user_id,
            scopes=list(wish.scopes),
            methods=list(session.methods),
            nonce=wish.nonce,
            logged_in_at=session.logged_in_at,
            expires_at=now + GRANT_S,
        )
    )
    connection.execute(
        insert(codes).values(
            digest=digest(code),
            grant_id=grant_id,
            redirect_uri=wish.redirect_uri,
            challenge=wish.challenge,
            used=False,
            expires_at=now + CODE_S,
        )
    )
    return code


def exchange(connection: Connection, shown: Exchange, now: int) -> Issued | Stolen | None:
    """
    The tokens for a code, once.  None: it is not worth any.
    """
    row = connection.execute(
        select(codes, grants.c.client_id, grants.c.user_id)
        .join(grants, grants.c.id == codes.c.grant_id)
        .where(codes.c.digest == digest(shown.code))
    ).first()
    if row is None or row.client_id != shown.client_id:
        return None  # another's client can't spoil it either
    if not _locked(connection, row):
        return None
    first = connection.execute(
        update(codes).where(codes.c.digest == row.digest, codes.c.used.is_(False)).values(used=True)
    ).rowcount
    if not first:
        end(connection, row.grant_id)
        return Stolen(row.grant_id, row.user_id)
    right = row.redirect_uri == shown.redirect_uri and row.challenge == shown.challenge
    if not right or row.expires_at <= now:
        end(connection, row.grant_id)
        return None
    return _issue(connection, row.grant_id, None, now)


def refresh(
    connection: Connection, text: str, client_id: str, scopes: frozenset[str] | None, now: int
) -> Issued | Stolen | None:
    """
    New tokens for a refresh token, once.  scopes: fewer than before; None: the same.
    """
    row = connection.execute(
        select(tokens, grants.c.client_id, grants.c.user_id)
        .join(grants, grants.c.id == tokens.c.grant_id)
        .where(tokens.c.digest == digest(text), tokens.c.kind == REFRESH)
    ).first()
    if row is None or row.client_id != client_id or row.expires_at <= now:
        return None
    if scopes is not None and not scopes <= set(row.scopes):
        return None
    if not _locked(connection, row):
        return None
    this = (tokens.c.digest == row.digest) & tokens.c.used.is_(False)
    if not connection.execute(update(tokens).where(this).values(used=True)).rowcount:
        end(connection, row.grant_id)
        return Stolen(row.grant_id, row.user_id)
    return _issue(connection, row.grant_id, scopes, now)


def end(connection: Connection, grant_id: str) -> None:
    """
    The grant's code and tokens are worth nothing any more.
    """
    connection.execute(delete(grants).where(grants.c.id == grant_id))


def grant_of(connection: Connection, grant_id: str) -> Grant | None:
    """
    The grant, whoever its user is by now.
    """
    row = connection.execute(
        select(grants, users.c.name, users.c.extra, users.c.domain_id)
        .join(users, users.c.id == grants.c.user_id)
        .where(grants.c.id == grant_id)
    ).first()
    if row is None:
        return None
    return Grant(
        row.id,
        row.client_id,
        person_of(connection, row),
        tuple(row.scopes),
        tuple(row.methods),
        row.nonce,
        row.logged_in_at,
        row.expires_at,
    )


def _locked(connection: Connection, row: Any) -> bool:
    """
    Whether the row's grant and its user are still there, to the transaction's end.  Always in the
    order user, grant, token, as where a user is disabled: others wait, and none for each other.
    """
    sound = stands(connection, row.user_id)
    grant = select(grants.c.id).where(grants.c.id == row.grant_id).with_for_update()
    return connection.execute(grant).first() is not None and sound


def _issue(
    connection: Connection, grant_id: str, scopes: Iterable[str] | None, now: int
) -> Issued | None:
    grant = grant_of(connection, grant_id)
    if grant is None or grant.expires_at <= now:
        return None
    connection.execute(
        delete(tokens).where(tokens.c.expires_at <= now, tokens.c.grant_id == grant_id)
    )
    has = tuple(one for one in grant.scopes if scopes is None or one in scopes)
    access, again = fresh(), None
    rows = [_row(grant, ACCESS, access, has, now, now + ACCESS_S)]
    if "offline_access" in grant.scopes:
        again = fresh()
        # It keeps what the user gave, though this access token may do less.
        rows.append(_row(grant, REFRESH, again, grant.scopes, now, now + REFRESH_S))
    connection.execute(insert(tokens), rows)
    return Issued(grant, has, access, again)


def _row(
    grant: Grant, kind: str, text: str, scopes: tuple[str, ...], now: int, ends: int
) -> dict[str, Any]:
    return {
        "digest": digest(text),
        "kind": kind,
        "grant_id": grant.id,
        "scopes": list(scopes),
        "used": False,
        "issued_at": now,
        "expires_at": min(ends, grant.expires_at),
    }

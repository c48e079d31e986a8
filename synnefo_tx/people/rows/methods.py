"""
Units of work on the ways by which somebody logs in.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen
from sqlalchemy import Connection, select

from synnefo_tx.identity.model import RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.revocations import end_of, revoke
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rows.users import change_user
from synnefo_tx.people.errors import HasPassword, LastWay, NoSuchWay
from synnefo_tx.people.external.rows.accounts import Moment, unlink
from synnefo_tx.people.external.rows.tables import external_accounts
from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.people.rows.factors import locked

OURS = "password"  # that we keep the hash of


@frozen
class Method:
    """
    name: "password", or that of a provider, "oidc:work".  identifier: who that is there.  seen_at:
    seconds; None: not known.
    """

    name: str
    identifier: str = ""
    seen_at: int | None = None


def methods_of(connection: Connection, user_id: str) -> list[Method]:
    """
    The password first.  Raises AccountNotFound.
    """
    user = things.fetch(connection, USER, user_id)
    own = [] if user["password_hash"] is None else [Method(OURS)]
    table = external_accounts
    mine = select(table).where(table.c.user_id == user_id)
    rows = connection.execute(mine.order_by(table.c.provider, table.c.identifier))
    return own + [Method(row.provider, row.identifier, row.seen_at) for row in rows]


def set_first_password(connection: Connection, user_id: str, columns: Thing) -> None:
    """
    columns: of users.  Raises HasPassword: another takes the present one.
    """
    if locked(connection, user_id)["password_hash"] is not None:
        raise HasPassword
    things.change(connection, USER, user_id, columns)


def remove(
    connection: Connection,
    user_id: str,
    name: str,
    offered: Collection[str],
    rules: AccountRules,
    moment: Moment,
) -> None:
    """
    The way is closed, and all tokens of the user end: some may have come by it.  Raises NoSuchWay,
    and LastWay when none would be left.

    offered: ways that the cloud still has.  rules: of the provider.
    """
    user = locked(connection, user_id)  # of two that go at once, one may be the last
    names = {method.name for method in methods_of(connection, user_id)}
    if name not in names:
        raise NoSuchWay(name)
    if not (names - {name}) & set(offered):
        raise LastWay
    if name == OURS:
        gone = {"password_hash": None, "password_expires_at": None}
        change_user(connection, USER, user, gone, moment.now, moment.horizon_s)
        return
    unlink(connection, user_id, name, rules, moment)
    ended = end_of(RevocationKind.USER, user_id, moment.now, moment.horizon_s)
    revoke(connection, ended, moment.now)

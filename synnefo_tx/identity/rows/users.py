"""
Units of work on users: their passwords, their being enabled, their end.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen
from sqlalchemy import Connection, Table, delete, func, insert, or_, select, update

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.model import Revocation, RevocationKind
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.delegation_tables import (
    access_rules,
    application_credential_roles,
    application_credential_rules,
    application_credentials,
    credentials,
    trust_roles,
    trusts,
)
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.revocations import end_of, revoke, switched
from synnefo_tx.identity.rows.tables import assignments, group_members, old_passwords, users
from synnefo_tx.identity.rows.things import Kind, Thing


@frozen
class NewPassword:
    """
    A password that a user has chosen.  replaces: the hash that it was allowed to replace.
    expires_at: seconds; None: never.  keep: how many hashes before it are kept.
    """

    user_id: str
    password_hash: str = field(repr=False)
    replaces: str = field(repr=False)
    expires_at: int | None
    keep: int


def change_user(
    connection: Connection,
    kind: Kind,
    before: Thing,
    changes: Thing,
    now: int,
    horizon_s: int,
    keep: int = 1,
) -> Thing:
    """
    As `things.change`; tokens end when the user is disabled or has another password.

    keep: how many hashes before the new one are kept.
    """
    after = things.change(connection, kind, before["id"], changes)
    if after["enabled"] != before["enabled"]:
        switched(connection, RevocationKind.USER, before["id"], after["enabled"], now, horizon_s)
    if "password_hash" in changes:
        remember(connection, before, keep)
        revoke(connection, end_of(RevocationKind.USER, before["id"], now, horizon_s), now)
    return after


def kept(policy: SecurityCompliance) -> int:
    """
    How many hashes before the present one a rule needs; one is kept for whoever turns it on.
    """
    return max(1, policy.unique_last_password_count - 1)


def set_own_password(connection: Connection, new: NewPassword, now: int, horizon_s: int) -> bool:
    """
    Give the user the password that the user has chosen; tokens end.  False: the password was
    changed by another meanwhile.
    """
    before = things.find(connection, USER, new.user_id)
    changed = (
        update(users)
        .where(users.c.id == new.user_id, users.c.password_hash == new.replaces)
        .values(
            password_hash=new.password_hash,
            password_created_at=now,
            password_expires_at=new.expires_at,
            password_own=True,
        )
    )
    if before is None or not connection.execute(changed).rowcount:
        return False
    remember(connection, before, new.keep)
    revoke(connection, end_of(RevocationKind.USER, new.user_id, now, horizon_s), now)
    return True


def remember(connection: Connection, user: Thing, keep: int) -> None:
    """
    Keep the hash that the user has, for the rule against using it again, and the last `keep` in
    all.
    """
    if user["password_hash"] is None:
        return
    last = connection.execute(
        select(func.max(old_passwords.c.serial)).where(old_passwords.c.user_id == user["id"])
    ).scalar()
    connection.execute(
        insert(old_passwords).values(
            user_id=user["id"], serial=(last or 0) + 1, password_hash=user["password_hash"]
        )
    )
    connection.execute(
        delete(old_passwords).where(
            old_passwords.c.user_id == user["id"], old_passwords.c.serial <= (last or 0) + 1 - keep
        )
    )


def hashes_before(connection: Connection, user_id: str, count: int) -> list[str]:
    """
    The user's last `count` hashes before the present one, the latest first.
    """
    wanted = (
        select(old_passwords.c.password_hash)
        .where(old_passwords.c.user_id == user_id)
        .order_by(old_passwords.c.serial.desc())
        .limit(count)
    )
    return [str(row.password_hash) for row in connection.execute(wanted)]


def remove_user(connection: Connection, kind: Kind, user: Thing, now: int, horizon_s: int) -> None:
    """
    The user goes, with all that was the user's alone; the user's tokens end.
    """
    user_id = user["id"]
    own = select(application_credentials.c.id).where(application_credentials.c.user_id == user_id)
    given = select(trusts.c.id).where(
        or_(trusts.c.trustor_user_id == user_id, trusts.c.trustee_user_id == user_id)
    )
    for table, column, inside in (
        (application_credential_roles, "credential_id", own),
        (application_credential_rules, "credential_id", own),
        (trust_roles, "trust_id", given),
    ):
        connection.execute(delete(table).where(table.c[column].in_(inside)))
    connection.execute(delete(trusts).where(trusts.c.id.in_(given)))
    _everything_of(connection, user_id)
    revoke(connection, Revocation(RevocationKind.USER, user_id, now, now + horizon_s), now)
    things.remove(connection, kind, user_id)


def _everything_of(connection: Connection, user_id: str) -> None:
    tables: tuple[Table, ...] = (
        application_credentials,
        access_rules,
        credentials,
        group_members,
        old_passwords,
    )
    for table in tables:
        connection.execute(delete(table).where(table.c.user_id == user_id))
    held: Any = (assignments.c.actor_kind == "user") & (assignments.c.actor_id == user_id)
    connection.execute(delete(assignments).where(held))

"""
Units of work that end the worth of tokens already given out, and that tell which those are.

Every change takes the next serial of its kind under the row lock of that kind, so a reader that
has seen serial n has seen all up to n.
"""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.identity.model import Disabled, Revocation, RevocationKind
from synnefo_tx.identity.rows.tables import (
    domains,
    projects,
    revocations,
    serials,
    users,
)
from synnefo_tx.openid.rows import people

REVOCATIONS = "revocations"
DISABLED = "disabled"
CATALOG = "catalog"


@frozen
class News:
    """
    What was revoked since a reader looked last.  `disabled` is None when it is as it was.
    """

    revocations: tuple[Revocation, ...]
    revoked_serial: int
    disabled: Disabled | None
    disabled_serial: int


def revoke(connection: Connection, revocation: Revocation, now: int) -> None:
    """
    Record the revocation, and forget those that nothing alive can fall under any more.  What our
    OpenID Connect provider has given ends with it.

    now: seconds.
    """
    people.end_of(connection, revocation)
    connection.execute(delete(revocations).where(revocations.c.expires_at < now))
    connection.execute(
        insert(revocations).values(
            serial=next_serial(connection, REVOCATIONS),
            kind=revocation.kind.value,
            subject=revocation.subject,
            issued_before=revocation.issued_before,
            expires_at=revocation.expires_at,
        )
    )


def end_of(kind: RevocationKind, subject: str, now: int, horizon_s: int) -> Revocation:
    """
    What ends every token that `subject` has by now.  Both in seconds.
    """
    return Revocation(kind, subject, now, now + horizon_s)


def news(connection: Connection, revoked_serial: int, disabled_serial: int, now: int) -> News:
    """
    What changed after the serials that the reader knows; 0 for a reader that knows nothing.
    """
    at = {row.kind: row.serial for row in connection.execute(select(serials))}
    revoked_to, disabled_to = at.get(REVOCATIONS, 0), at.get(DISABLED, 0)
    fresh: tuple[Revocation, ...] = ()
    if revoked_to != revoked_serial:
        rows = connection.execute(
            select(revocations).where(
                revocations.c.serial > revoked_serial, revocations.c.expires_at >= now
            )
        )
        fresh = tuple(
            Revocation(RevocationKind(row.kind), row.subject, row.issued_before, row.expires_at)
            for row in rows
        )
    disabled = _disabled(connection) if disabled_to != disabled_serial else None
    return News(fresh, revoked_to, disabled, disabled_to)


def switched(
    connection: Connection,
    kind: RevocationKind,
    subject: str,
    enabled: bool,
    now: int,
    horizon_s: int,
) -> None:
    """
    The user, project or domain was just enabled or disabled: every worker learns it.
    """
    next_serial(connection, DISABLED)
    if not enabled:
        revoke(connection, Revocation(kind, subject, now, now + horizon_s), now)


def serial(connection: Connection, kind: str) -> int:
    """
    The number of the last change of its kind; 0 before the first.
    """
    found = select(serials.c.serial).where(serials.c.kind == kind)
    return int(connection.execute(found).scalar() or 0)


def next_serial(connection: Connection, kind: str) -> int:
    """
    Number a change of its kind: REVOCATIONS, DISABLED or CATALOG.
    """
    step = (
        update(serials)
        .where(serials.c.kind == kind)
        .values(serial=serials.c.serial + 1)
        .returning(serials.c.serial)
    )
    taken = connection.execute(step).scalar()
    if taken is not None:
        return int(taken)
    try:
        with connection.begin_nested():
            connection.execute(insert(serials).values(kind=kind, serial=1))
    except IntegrityError:  # another transaction was the first; take the number after its
        return int(connection.execute(step).scalar_one())
    return 1


def _disabled(connection: Connection) -> Disabled:
    def off(table: Table) -> frozenset[str]:
        rows = connection.execute(select(table.c.id).where(table.c.enabled.is_(False)))
        return frozenset(row.id for row in rows)

    return Disabled(off(users), off(projects), off(domains))

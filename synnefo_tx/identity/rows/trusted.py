"""
What a trust is worth, for logins and validations.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from synnefo_tx.identity.model import Role, Trust
from synnefo_tx.identity.rows.delegation_tables import trust_roles, trusts
from synnefo_tx.identity.rows.effective import implied_by
from synnefo_tx.identity.rows.tables import users

LONGEST_CHAIN = 16  # far above what redelegation allows


def trust_of(connection: Connection, trust_id: str) -> Trust | None:
    """
    The trust with this id.
    """
    row = connection.execute(select(trusts).where(trusts.c.id == trust_id)).first()
    if row is None:
        return None
    held = select(trust_roles.c.role_id).where(trust_roles.c.trust_id == trust_id)
    origin_id, chain, sound = _chain(connection, row.redelegated_trust_id, row.trustor_user_id)
    return Trust(
        id=row.id,
        trustor_id=row.trustor_user_id,
        trustee_id=row.trustee_user_id,
        project_id=row.project_id,
        impersonation=row.impersonation,
        expires_at=row.expires_at,
        remaining_uses=row.remaining_uses,
        role_ids=frozenset(connection.execute(held).scalars()),
        origin_id=origin_id,
        chain=chain,
        sound=sound,
    )


def trusted_roles(connection: Connection, trust: Trust, held: tuple[Role, ...]) -> tuple[Role, ...]:
    """
    The roles that a trust gives, with what they imply; none if the first trustor lacks any.
    """
    mine = {role.id for role in held}
    given = implied_by(connection, tuple(trust.role_ids))
    return given if all(role.id in mine for role in given) else ()


def consume(connection: Connection, trust_id: str) -> bool:
    """
    Use the trust once.  False: it has no uses left.  Of several at once for the last, one wins.
    """
    left = trusts.c.remaining_uses
    used = connection.execute(
        update(trusts)
        .where(trusts.c.id == trust_id, (left.is_(None)) | (left > 0))
        .values(remaining_uses=left - 1)
    )
    return bool(used.rowcount)


def _chain(
    connection: Connection, parent_id: str | None, trustor_id: str
) -> tuple[str, tuple[str, ...], bool]:
    """
    Who began the chain of trusts above one, the users in it, and whether all of it still stands.
    """
    chain: list[str] = []
    for _ in range(LONGEST_CHAIN):
        if parent_id is None:
            return trustor_id, tuple(chain), True
        wanted = (
            select(trusts, users.c.enabled)
            .join(users, users.c.id == trusts.c.trustee_user_id)
            .where(trusts.c.id == parent_id)
        )
        row = connection.execute(wanted).first()
        if row is None or not row.enabled:
            break
        parent_id, trustor_id = row.redelegated_trust_id, row.trustor_user_id
        chain += [row.trustor_user_id, row.trustee_user_id]
    return trustor_id, tuple(chain), False

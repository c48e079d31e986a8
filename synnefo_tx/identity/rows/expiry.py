"""
Rows of identity that are good for nothing any more.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from synnefo_tx.identity.rows.attempt_tables import wrong_log_ins
from synnefo_tx.identity.rows.delegation_tables import trust_roles, trusts
from synnefo_tx.identity.rows.tables import revocations
from synnefo_tx.identity.throttle import FORGET_S

TRUSTS_SHOWN_S = 30 * 24 * 3600  # those that have ended stay in lists for so long


def forget_expired(connection: Connection, now: int) -> None:
    """
    Revocations of tokens that have all ended, wrong log-ins of long ago, and trusts that ended a
    month ago.  now: seconds.
    """
    connection.execute(delete(revocations).where(revocations.c.expires_at < now))
    old_ms = (now - FORGET_S) * 1000
    connection.execute(delete(wrong_log_ins).where(wrong_log_ins.c.at_ms < old_ms))
    # What hands a trust on ends no later than it, so whatever points at one of them goes too.
    ended = select(trusts.c.id).where(trusts.c.expires_at < now - TRUSTS_SHOWN_S)
    connection.execute(delete(trust_roles).where(trust_roles.c.trust_id.in_(ended)))
    connection.execute(delete(trusts).where(trusts.c.expires_at < now - TRUSTS_SHOWN_S))

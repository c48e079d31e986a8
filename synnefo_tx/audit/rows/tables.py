"""
The audit log: what was changed, by whom, from where.  Rows are added and never changed; the
database itself refuses it (append_only.py).
"""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from synnefo_tx.audit.rows.append_only import guard
from synnefo_tx.store.metadata import metadata


def _id() -> Column[int]:
    # SQLite counts by itself only in an INTEGER
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    Column("at_us", BigInteger, nullable=False),  # microseconds since the epoch, UTC
    Column("action", String(128), nullable=False),  # a permission, "identity:create_user"
    Column("outcome", String(16), nullable=False),  # "success" or "failure"
    Column("user_id", String(64), nullable=False),  # "" when nobody is known
    Column("project_id", String(64), nullable=False),
    Column("target_kind", String(32), nullable=False),
    Column("target_id", String(255), nullable=False),
    Column("address", String(64), nullable=False),  # where the request came from
    Column("request_id", String(64), nullable=False),
    Column("details", JSON, nullable=False),  # never a secret
    Index("ix_audit_log_at", "at_us", "id"),
    Index("ix_audit_log_user", "user_id", "at_us", "id"),
    Index("ix_audit_log_action", "action", "at_us", "id"),
    Index("ix_audit_log_target", "target_kind", "target_id", "at_us", "id"),
)
# Each row allows that lines from before `before_us` go.  The database writes the line that tells.
audit_retention = Table(
    "audit_retention",
    metadata,
    _id(),
    Column("at_us", BigInteger, nullable=False),
    Column("before_us", BigInteger, nullable=False),
    Column("user_id", String(64), nullable=False),  # who decided it
)

guard(audit_log, audit_retention)

"""
The audit log: what was changed, by whom, from where.  Rows are added and never changed.
"""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from synnefo_tx.store.metadata import metadata

audit_log = Table(
    "audit_log",
    metadata,
    # SQLite counts by itself only in an INTEGER
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
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
    Index("ix_audit_log_user", "user_id", "id"),
    Index("ix_audit_log_target", "target_kind", "target_id", "id"),
)

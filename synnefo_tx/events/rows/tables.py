"""
The feed of what has changed, which clients follow.  Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from synnefo_tx.store.metadata import metadata

feed = Table(
    "feed",
    metadata,
    Column(
        "serial",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    # The transaction that wrote it (PostgreSQL; 0 in SQLite, which has one writer): serials are
    # given before a commit, so that rows become visible in another order than theirs.
    Column("tx", BigInteger, nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("kind", String(32), nullable=False),  # server, volume, network, port, ...
    Column("thing_id", String(64), nullable=False),
    Column("event", String(48), nullable=False),  # created, changed, deleted, failed, ...
    Column("body", JSON, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_feed_project_id", "project_id", "tx", "serial"),
    Index("ix_feed_place", "tx", "serial"),
    Index("ix_feed_at", "at"),
    sqlite_autoincrement=True,
)

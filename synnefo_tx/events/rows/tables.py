"""
The feed of what has changed, and the addresses that are told of it.  Times are microseconds since
the epoch (UTC) unless said.
"""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text

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
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("url", String(2048), nullable=False),
    Column("secret", Text, nullable=False),  # sealed
    Column("kinds", JSON, nullable=False),  # empty: all
    Column("place", String(64), nullable=False),  # behind the last event that it has taken
    Column("failures", Integer, nullable=False),  # since it last took one
    Column("next_try_at", BigInteger),  # seconds; None: when something happens
    Column("ended_reason", String(255)),  # why it is sent nothing any more
    Column("created_at", BigInteger, nullable=False),
    Index("ix_webhooks_next_try_at", "next_try_at"),
)

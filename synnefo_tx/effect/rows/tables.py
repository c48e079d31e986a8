"""
The outbox: wishes that the effect path carries down to a cluster.
"""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from synnefo_tx.store.metadata import metadata

effects = Table(
    "effects",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("serial", BigInteger, nullable=False),  # order of one target's effects
    Column("cluster_id", ForeignKey("clusters.id"), nullable=False),
    Column("task_id", String(36)),  # whose step it is
    Column("kind", String(48), nullable=False),  # server.create, volume.attach, network.apply, ...
    Column("target", String(64), nullable=False),  # id of the server or network
    Column("method", String(8), nullable=False),
    Column("path", Text, nullable=False),
    Column("query", JSON, nullable=False),
    Column("body", JSON),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("error", Text),
    Index("ix_effects_due", "next_try_at"),
    Index("ix_effects_target_order", "target", "serial"),
)

"""
What the newest run of reconciliation found, and when clusters were last heard of, for the gauges.
Times are microseconds since the epoch (UTC).
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table

from synnefo_tx.store.metadata import metadata

drift = Table(
    "drift",
    metadata,
    Column("what", String(32), primary_key=True),  # server.stale, network.missing, ...
    Column("cluster_id", String(64), primary_key=True),  # "" of what no cluster tells
    Column("count", Integer, nullable=False),
    Column("found_at", BigInteger, nullable=False),
)
heartbeats = Table(  # through the whole loop: a job that does nothing, and the news of it
    "heartbeats",
    metadata,
    Column("cluster_id", ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    Column("sent_at", BigInteger, nullable=False),
    Column("heard_at", BigInteger),
)

"""
What the newest run of reconciliation found, for the gauges.
"""

from sqlalchemy import BigInteger, Column, Integer, String, Table

from synnefo_tx.store.metadata import metadata

drift = Table(
    "drift",
    metadata,
    Column("what", String(32), primary_key=True),  # server.stale, network.missing, ...
    Column("cluster_id", String(64), primary_key=True),  # "" of what no cluster tells
    Column("count", Integer, nullable=False),
    Column("found_at", BigInteger, nullable=False),  # microseconds
)

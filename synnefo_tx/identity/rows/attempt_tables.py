"""
Wrong log-ins that all workers count together.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from synnefo_tx.store.metadata import metadata

wrong_log_ins = Table(
    "wrong_log_ins",
    metadata,
    # Of an account as it was named or of an address, keyed: people type passwords as names.
    Column("mark", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),  # in a row
    Column("at_ms", BigInteger, nullable=False, index=True),  # of the last change
)

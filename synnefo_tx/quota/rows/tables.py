"""
What each project may use and uses.
"""

from sqlalchemy import BigInteger, Column, String, Table

from synnefo_tx.store.metadata import metadata

holdings = Table(
    "holdings",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("resource", String(64), primary_key=True),
    Column("limit", BigInteger, nullable=False),  # -1: none
    Column("used", BigInteger, nullable=False),
)

"""
The table of links of single use.  Times are seconds since the epoch (UTC).
"""

from sqlalchemy import BigInteger, Column, String, Table, Text

from synnefo_tx.store.metadata import metadata

# No foreign key to users: a link of somebody who is gone does nothing.
links = Table(
    "links",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("user_id", String(64), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("ends_at", BigInteger, nullable=False, index=True),
)

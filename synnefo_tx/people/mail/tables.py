"""
The table of letters.  Times are seconds since the epoch (UTC).
"""

from sqlalchemy import JSON, Column, String, Table

from synnefo_tx.store.metadata import metadata

# Letters that no mail server has taken yet.
mail_queue = Table(
    "mail_queue",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("template", String(64), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("filling", JSON, nullable=False),  # values of the template
)

"""
Table of recovery codes.
"""

from sqlalchemy import Column, ForeignKey, String, Table

from synnefo_tx.store.metadata import metadata

# A row goes when its code is used.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
)

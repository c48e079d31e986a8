"""
The table of verified addresses.
"""

from sqlalchemy import Column, String, Table

from synnefo_tx.store.metadata import metadata

# Each verified e-mail address is one user's in a domain, whoever was first; in small letters.
verified_addresses = Table(
    "verified_addresses",
    metadata,
    Column("domain_id", String(64), primary_key=True),
    Column("email", String(255), primary_key=True),
    Column("user_id", String(64), nullable=False, index=True),
)

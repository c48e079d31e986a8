"""
Tables of people who sign up.  Times are seconds since the epoch (UTC).

No foreign keys to users: ids of those gone are never given again.
"""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from synnefo_tx.store.metadata import metadata

# Who signed up; users made by an administrator or a provider have no row.
people = Table(
    "people",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("email", String(255), nullable=False, index=True),  # in small letters
    Column("verified_at", BigInteger),
    Column("moderation", String(16), nullable=False),  # pending, accepted or rejected
    Column("lapses_at", BigInteger, index=True),  # when one that is not verified is forgotten
    Column("moderated_at", BigInteger),
    Column("reason", Text),  # why it was decided so
)
# The highest version is the one in force.
terms = Table(
    "terms",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
    Column("published_at", BigInteger),
)
signed_terms = Table(
    "signed_terms",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("signed_at", BigInteger, nullable=False),
)

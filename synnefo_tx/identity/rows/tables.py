"""
Identity's tables.  Times are seconds since the epoch (UTC), whole.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from synnefo_tx.store.metadata import metadata

domains = Table(
    "domains",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False),
)
projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, index=True),
    UniqueConstraint("domain_id", "name"),
)
users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False, index=True),
    Column("default_project_id", String(64)),
    UniqueConstraint("domain_id", "name"),
)
roles = Table(
    "roles",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
)
assignments = Table(
    "assignments",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), primary_key=True, index=True),
    Column("role_id", ForeignKey("roles.id"), primary_key=True),
)
# What every worker must learn before it goes on trusting sealed tokens.  A change takes the next
# number of its kind inside its transaction, so numbers become visible in their order.
serials = Table(
    "identity_serials",
    metadata,
    Column("kind", String(16), primary_key=True),  # "revocations" or "disabled"
    Column("serial", BigInteger, nullable=False),
)
revocations = Table(
    "revocations",
    metadata,
    Column("serial", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),  # RevocationKind
    Column("subject", String(129), nullable=False),  # audit id, user, project, or "user/project"
    Column("issued_before", BigInteger, nullable=False),  # tokens of this second are refused too
    Column("expires_at", BigInteger, nullable=False, index=True),
)

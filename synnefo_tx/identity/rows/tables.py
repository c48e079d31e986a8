"""
Identity's tables of accounts and of who may do what.  Times are seconds since the epoch (UTC),
whole.  `extra` holds the attributes that a client gave and Keystone has no name for, `options`
Keystone's resource options; both are JSON objects.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from synnefo_tx.store.metadata import metadata


def options() -> Column[dict[str, object]]:
    return Column("options", JSON, nullable=False, default=dict, server_default="{}")


def extra() -> Column[dict[str, object]]:
    return Column("extra", JSON, nullable=False, default=dict, server_default="{}")


domains = Table(
    "domains",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False),
    options(),
    extra(),
)
projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, index=True),
    Column("parent_id", String(64), nullable=False, index=True, server_default=""),  # or domain's
    options(),
    extra(),
    UniqueConstraint("domain_id", "name"),
)
project_tags = Table(  # of domains too, which act as projects
    "project_tags",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("name", String(255), primary_key=True, index=True),
)
users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("password_hash", String(255)),  # NULL: no password, other ways to log in
    Column("enabled", Boolean, nullable=False, index=True),
    Column("default_project_id", String(64)),
    Column("created_at", BigInteger, nullable=False, server_default="0"),
    Column("password_created_at", BigInteger, nullable=False, server_default="0"),
    Column("password_expires_at", BigInteger),
    Column("last_active_at", BigInteger),
    Column("failed_logins", Integer, nullable=False, server_default="0"),
    Column("failed_login_at", BigInteger),
    Column("password_own", Boolean, nullable=False, server_default=false()),
    options(),
    extra(),
    UniqueConstraint("domain_id", "name"),
)
old_passwords = Table(
    "old_passwords",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("password_hash", String(255), nullable=False),
)
groups = Table(
    "groups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    extra(),
    UniqueConstraint("domain_id", "name"),
)
group_members = Table(
    "group_members",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("group_id", ForeignKey("groups.id"), primary_key=True, index=True),
)
roles = Table(
    "roles",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", String(64), nullable=False, server_default=""),  # "": of no domain
    Column("description", Text),
    options(),
    extra(),
    UniqueConstraint("domain_id", "name"),
)
implied_roles = Table(
    "implied_roles",
    metadata,
    Column("prior_role_id", ForeignKey("roles.id"), primary_key=True),
    Column("implied_role_id", ForeignKey("roles.id"), primary_key=True, index=True),
)
assignments = Table(
    "role_assignments",
    metadata,
    Column("actor_kind", String(8), primary_key=True),  # "user" or "group"
    Column("actor_id", String(64), primary_key=True),
    Column("target_kind", String(8), primary_key=True),  # "project", "domain" or "system"
    Column("target_id", String(64), primary_key=True),  # "all" of the system
    Column("role_id", ForeignKey("roles.id"), primary_key=True, index=True),
    Column("inherited", Boolean, primary_key=True),  # holds below the target, not on it
    Index("ix_role_assignments_target", "target_kind", "target_id"),
)
# What every worker must learn before it goes on trusting sealed tokens.  A change takes the next
# number of its kind inside its transaction, so numbers become visible in their order.
serials = Table(
    "identity_serials",
    metadata,
    Column("kind", String(16), primary_key=True),  # "revocations", "disabled" or "catalog"
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

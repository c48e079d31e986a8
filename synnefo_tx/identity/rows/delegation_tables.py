"""
Tables of what a user hands on: trusts, application credentials and other credentials.  Times are
seconds since the epoch (UTC), whole, unless they say otherwise.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from synnefo_tx.identity.rows.tables import extra
from synnefo_tx.store.metadata import metadata

trusts = Table(
    "trusts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("trustor_user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("trustee_user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("project_id", ForeignKey("projects.id"), index=True),
    Column("impersonation", Boolean, nullable=False),
    Column("expires_at", BigInteger),
    Column("deleted_at", BigInteger),
    Column("remaining_uses", Integer),  # NULL: any number
    Column("redelegated_trust_id", String(64), index=True),
    Column("redelegation_count", Integer, nullable=False),  # how often it may be handed on
    extra(),
)
trust_roles = Table(
    "trust_roles",
    metadata,
    Column("trust_id", ForeignKey("trusts.id"), primary_key=True),
    Column("role_id", ForeignKey("roles.id"), primary_key=True, index=True),
)
application_credentials = Table(
    "application_credentials",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("secret_hash", String(255), nullable=False),
    Column("unrestricted", Boolean, nullable=False),
    Column("expires_at", BigInteger),  # microseconds, as clients give them
    UniqueConstraint("user_id", "name"),
)
application_credential_roles = Table(
    "application_credential_roles",
    metadata,
    Column("credential_id", ForeignKey("application_credentials.id"), primary_key=True),
    Column("role_id", ForeignKey("roles.id"), primary_key=True, index=True),
)
access_rules = Table(
    "access_rules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("service", String(64), nullable=False),  # a type of the catalog
    Column("method", String(16), nullable=False),
    Column("path", String(255), nullable=False),
    UniqueConstraint("user_id", "service", "method", "path"),
)
application_credential_rules = Table(
    "application_credential_rules",
    metadata,
    Column("credential_id", ForeignKey("application_credentials.id"), primary_key=True),
    Column("rule_id", ForeignKey("access_rules.id"), primary_key=True, index=True),
)
credentials = Table(
    "credentials",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("project_id", String(64), index=True),
    Column("type", String(255), nullable=False),  # "ec2", "totp", "cert" and what clients like
    Column("blob", Text, nullable=False),  # sealed with the credential keys
    extra(),
)

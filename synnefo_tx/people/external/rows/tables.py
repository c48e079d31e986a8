"""
Tables of log-in by other providers.  Times are seconds since the epoch (UTC).

No foreign keys to users and groups: what is gone there is worth nothing here, and their ids are
never given again.
"""

from sqlalchemy import BigInteger, Column, String, Table

from synnefo_tx.store.metadata import metadata

# Log-ins whose browser has come back: none comes a second time.
used_states = Table(
    "used_log_in_states",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
# What is known of those who log in by a provider.
external_accounts = Table(
    "external_accounts",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("identifier", String(255), primary_key=True),
    Column("user_id", String(64), nullable=False, index=True),
    Column("seen_at", BigInteger, nullable=False),
    Column("gone_at", BigInteger),  # disabled since, because the directory has them no more
)
# Groups that a provider has made, which it alone fills.
external_groups = Table(
    "external_groups",
    metadata,
    Column("group_id", String(64), primary_key=True),
    Column("provider", String(64), nullable=False),
)
# What a provider has given, and may take away.
external_memberships = Table(
    "external_memberships",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("user_id", String(64), primary_key=True),
    Column("group_id", String(64), primary_key=True),
)
external_grants = Table(
    "external_grants",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("user_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("role_id", String(64), primary_key=True),
)

"""
Log-in by other providers: OpenID Connect and LDAP.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "used_log_in_states",
        sa.Column("state_hash", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_used_log_in_states_expires_at", "used_log_in_states", ["expires_at"])
    op.create_table(
        "external_accounts",
        sa.Column("provider", sa.String(64), primary_key=True),
        sa.Column("identifier", sa.String(255), primary_key=True),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("gone_at", sa.BigInteger),
    )
    op.create_index("ix_external_accounts_user_id", "external_accounts", ["user_id"])
    op.create_table(
        "external_groups",
        sa.Column("group_id", sa.String(64), primary_key=True),
        sa.Column("provider", sa.String(64), nullable=False),
    )
    for name, *given in (
        ("external_memberships", "group_id"),
        ("external_grants", "project_id", "role_id"),
    ):
        keys = ["provider", "user_id", *given]
        op.create_table(name, *(sa.Column(key, sa.String(64), primary_key=True) for key in keys))

"""
Our own OpenID Connect provider.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _clients()
    _browsers()
    _grants()


def _clients() -> None:
    op.create_table(
        "openid_clients",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("auth_method", sa.String(length=32), nullable=False),
        sa.Column("secret_digest", sa.String(length=64), nullable=True),
        sa.Column("may_introspect", sa.Boolean(), nullable=False),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openid_clients")),
    )
    op.create_table(
        "openid_consents",
        _id("user_id"),
        _id("client_id"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _time("given_at"),
        _refers("openid_consents", "user_id", "users"),
        _refers("openid_consents", "client_id", "openid_clients"),
        sa.PrimaryKeyConstraint("user_id", "client_id", name=op.f("pk_openid_consents")),
    )
    _index("openid_consents", "client_id")
    op.create_table(
        "openid_keys",
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        _time("signs_from"),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_openid_keys")),
    )


def _browsers() -> None:
    op.create_table(
        "openid_sessions",
        _id("digest"),
        _id("user_id"),
        sa.Column("methods", sa.JSON(), nullable=False),
        _time("logged_in_at"),
        _time("expires_at"),
        _refers("openid_sessions", "user_id", "users"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_openid_sessions")),
    )
    _index("openid_sessions", "user_id", "expires_at")


def _grants() -> None:
    op.create_table(
        "openid_grants",
        _id("id"),
        _id("client_id"),
        _id("user_id"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("methods", sa.JSON(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        _time("logged_in_at"),
        _time("expires_at"),
        _refers("openid_grants", "client_id", "openid_clients"),
        _refers("openid_grants", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openid_grants")),
    )
    _index("openid_grants", "client_id", "user_id", "expires_at")
    op.create_table(
        "openid_codes",
        _id("digest"),
        _id("grant_id"),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=True),
        sa.Column("used", sa.Boolean(), nullable=False),
        _time("expires_at"),
        _refers("openid_codes", "grant_id", "openid_grants"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_openid_codes")),
    )
    _index("openid_codes", "grant_id")
    op.create_table(
        "openid_tokens",
        _id("digest"),
        sa.Column("kind", sa.String(length=8), nullable=False),
        _id("grant_id"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        _time("issued_at"),
        _time("expires_at"),
        _refers("openid_tokens", "grant_id", "openid_grants"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_openid_tokens")),
    )
    _index("openid_tokens", "grant_id", "expires_at")


def _id(name: str) -> Any:
    return sa.Column(name, sa.String(length=64), nullable=False)


def _time(name: str) -> Any:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _refers(table: str, column: str, other: str) -> Any:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)

"""
Those who use more than a limit allows, of whom a policy is told.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

OVER = sa.text('"limit" >= 0 AND usage_max > "limit"')


def upgrade() -> None:
    op.create_table(
        "over_quota",
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "source", "resource", name=op.f("pk_over_quota")),
    )
    op.create_index(
        "ix_holdings_over",
        "holdings",
        ["holder", "source", "resource"],
        sqlite_where=OVER,
        postgresql_where=OVER,
    )

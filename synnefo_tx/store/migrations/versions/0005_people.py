"""
Signing up and logging in.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("verified_at", sa.BigInteger),
        sa.Column("moderation", sa.String(16), nullable=False),
    )
    op.create_index("ix_people_email", "people", ["email"])
    op.create_table(
        "terms",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "signed_terms",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
    )

"""
The feed of events, webhooks, heartbeats and runs of reconciliation.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    _feed()


def _feed() -> None:
    op.create_table(
        "feed",
        sa.Column(
            "serial",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("tx", sa.BigInteger, nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("thing_id", sa.String(64), nullable=False),
        sa.Column("event", sa.String(48), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feed_project_id", "feed", ["project_id", "tx", "serial"])
    op.create_index("ix_feed_place", "feed", ["tx", "serial"])
    op.create_index("ix_feed_at", "feed", ["at"])

"""
The feed of events, webhooks, heartbeats and runs of reconciliation.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    _feed()
    _webhooks()
    _drift()
    _heartbeats()


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


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.BigInteger),
        sa.Column("ended_reason", sa.String(255)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_project_id"), "webhooks", ["project_id"])
    op.create_index("ix_webhooks_next_try_at", "webhooks", ["next_try_at"])


def _drift() -> None:
    op.create_table(
        "drift",
        sa.Column("what", sa.String(32), primary_key=True),
        sa.Column("cluster_id", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
    )


def _heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("cluster_id", sa.String(64), primary_key=True),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
        sa.Column("heard_at", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["clusters.id"],
            name="fk_heartbeats_cluster_id_clusters",
            ondelete="CASCADE",
        ),
    )

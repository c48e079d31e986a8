"""
Networks in full, and what clusters hold of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    _cluster_things()


def _cluster_things() -> None:
    op.create_table(
        "cluster_things",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("thing_id", sa.String(64), primary_key=True),
        sa.Column("cluster_id", sa.String(64), sa.ForeignKey("clusters.id"), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("wanted_revision", sa.Integer, nullable=False),
        sa.Column("applied_revision", sa.Integer, nullable=False),
        sa.Column("task_id", sa.String(36)),
        sa.Column("message", sa.Text),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_cluster_things_cluster_id", "cluster_things", ["cluster_id", "kind"])
    # What was under way is asked for again when it is needed: to ask twice does no harm.
    op.execute("DELETE FROM effects WHERE kind LIKE 'network.%'")
    op.execute(
        "INSERT INTO cluster_things (kind, thing_id, cluster_id, state, wanted_revision, "
        "applied_revision, changed_at) SELECT 'network', network_id, cluster_id, "
        "CASE state WHEN 'ACTIVE' THEN 'ACTIVE' ELSE 'ERROR' END, 1, "
        "CASE state WHEN 'ACTIVE' THEN 1 ELSE 0 END, as_of FROM cluster_networks"
    )
    op.drop_table("cluster_networks")

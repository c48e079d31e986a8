"""
Volumes in full.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    _volumes()
    _snapshots()
    _attachments()
    _transfers()
    _block_works()


def _volumes() -> None:
    for column in (
        sa.Column("description", sa.Text),
        sa.Column("user_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("is_local", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("snapshot_id", sa.String(36)),
        sa.Column("source_volume_id", sa.String(36)),
        sa.Column("previous_status", sa.String(32)),
        sa.Column("bootable", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("read_only", sa.Boolean),
        sa.Column("metadata", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("image_metadata", sa.JSON),
        sa.Column("reserved", sa.JSON),
    ):
        op.add_column("volumes", column)
    op.create_index("ix_volumes_page", "volumes", ["project_id", "created_at", "id"])


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("volume_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("description", sa.Text),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("size_gib", sa.Integer, nullable=False),
        sa.Column("progress", sa.String(255)),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("reserved", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_snapshots_volume_id", "snapshots", ["volume_id"])
    op.create_index("ix_snapshots_page", "snapshots", ["project_id", "created_at", "id"])


def _attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("volume_id", sa.String(36), nullable=False),
        sa.Column("server_id", sa.String(36)),
        sa.Column("host_name", sa.String(255)),
        sa.Column("is_plugged", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(2), nullable=False),
        sa.Column("mountpoint", sa.String(255)),
        sa.Column("tag", sa.String(80)),
        sa.Column("delete_on_termination", sa.Boolean, nullable=False),
        sa.Column("connector", sa.JSON),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("attached_at", sa.BigInteger),
    )
    for name in ("volume_id", "server_id"):
        op.create_index(f"ix_attachments_{name}", "attachments", [name])


def _transfers() -> None:
    op.create_table(
        "volume_transfers",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("volume_id", sa.String(36), nullable=False, unique=True),
        sa.Column("name", sa.String(255)),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("no_snapshots", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_volume_transfers_project_id", "volume_transfers", ["project_id"])


def _block_works() -> None:
    op.create_table(
        "block_works",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("target", sa.String(36), nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text),
    )
    op.create_index("ix_block_works_due", "block_works", ["next_try_at"])
    op.create_index("ix_block_works_target_order", "block_works", ["target", "serial"])

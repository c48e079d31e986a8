"""
Mail.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "mail_queue",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("recipient", sa.String(255), nullable=False),
        sa.Column("filling", sa.JSON, nullable=False),
        sa.Column("queued_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("claim", sa.String(32)),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.BigInteger),
        sa.Column("problem", sa.Text),
    )
    op.create_index("ix_mail_queue_due_at", "mail_queue", ["due_at"])
    op.create_index("ix_mail_queue_failed_at", "mail_queue", ["failed_at"])

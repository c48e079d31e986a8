"""
Links and log-in of people.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    _links()
    _people()
    _addresses()
    _recovery_codes()


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_links_user_id", "links", ["user_id"])
    op.create_index("ix_links_ends_at", "links", ["ends_at"])


def _people() -> None:
    for name, kind in (
        ("lapses_at", sa.BigInteger),
        ("moderated_at", sa.BigInteger),
        ("reason", sa.Text),
    ):
        op.add_column("people", sa.Column(name, kind))
    op.create_index("ix_people_lapses_at", "people", ["lapses_at"])
    op.add_column("terms", sa.Column("published_at", sa.BigInteger))


def _addresses() -> None:
    op.create_table(
        "verified_addresses",
        sa.Column("domain_id", sa.String(64), primary_key=True),
        sa.Column("email", sa.String(255), primary_key=True),
        sa.Column("user_id", sa.String(64), nullable=False),
    )
    op.create_index("ix_verified_addresses_user_id", "verified_addresses", ["user_id"])


def _recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "code_hash"),
    )

"""
The audit log is append-only, and found by time; passwords that users have set themselves are known.
"""

import sqlalchemy as sa
from alembic import op

from synnefo_tx.audit.rows.append_only import make_append_only

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """
    Indexes in the order of lists, the retention's table, and the triggers.
    """
    op.create_table(
        "audit_retention",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("before_us", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_retention")),
    )
    op.drop_index("ix_audit_log_target", "audit_log")
    op.drop_index("ix_audit_log_user", "audit_log")
    for name, columns in (
        ("at", ["at_us", "id"]),
        ("user", ["user_id", "at_us", "id"]),
        ("action", ["action", "at_us", "id"]),
        ("target", ["target_kind", "target_id", "at_us", "id"]),
    ):
        op.create_index(f"ix_audit_log_{name}", "audit_log", columns, unique=False)
    make_append_only(op.get_bind())
    op.add_column(
        "users",
        sa.Column("password_own", sa.Boolean(), server_default=sa.false(), nullable=False),
    )

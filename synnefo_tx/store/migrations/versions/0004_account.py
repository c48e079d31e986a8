"""
Astakos projects: applications and memberships.  Projects that were there get their records at the
next start.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _projects()
    _applications()
    op.create_table(
        "project_members",
        _number(),
        _text("project_id"),
        _text("user_id"),
        _text("state", 16),
        sa.Column("is_moderator", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_members")),
        sa.UniqueConstraint("project_id", "user_id", name=op.f("uq_project_members_project_id")),
    )
    op.create_index(op.f("ix_project_members_user_id"), "project_members", ["user_id"])
    _log("project_log", _text("project_id"))
    _log("membership_log", sa.Column("membership_id", sa.BigInteger(), nullable=False))


def _number() -> Any:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", number, nullable=False)


def _text(name: str, length: int | None = 64, nullable: bool = False) -> Any:
    kind = sa.Text() if length is None else sa.String(length=length)
    return sa.Column(name, kind, nullable=nullable)


def _at(name: str, nullable: bool = True) -> Any:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _projects() -> None:
    op.create_table(
        "account_projects",
        _text("id"),
        _text("name", 255),
        _text("domain_id"),
        _text("state", 16),
        _text("owner_id", nullable=True),
        sa.Column("is_personal", sa.Boolean(), nullable=False),
        _text("homepage", None),
        _text("description", None),
        _at("created_at", nullable=False),
        _at("end_at"),
        _at("deactivated_at"),
        _text("join_policy", 16),
        _text("leave_policy", 16),
        _at("max_members"),
        sa.Column("private", sa.Boolean(), nullable=False),
        _at("application_id"),
        sa.Column("kept_limits", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_projects")),
    )
    op.create_index(op.f("ix_account_projects_owner_id"), "account_projects", ["owner_id"])
    op.create_index("ix_account_projects_state", "account_projects", ["state", "end_at"])


def _applications() -> None:
    op.create_table(
        "project_applications",
        _number(),
        _text("project_id"),
        _text("state", 16),
        _text("applicant_id"),
        _at("issued_at", nullable=False),
        _at("answered_at"),
        _text("answered_by", nullable=True),
        _text("reason", None),
        _text("owner_id", nullable=True),
        _text("name", 255, nullable=True),
        _text("homepage", None, nullable=True),
        _text("description", None, nullable=True),
        _text("comments", None, nullable=True),
        _at("start_at"),
        _at("end_at"),
        _text("join_policy", 16, nullable=True),
        _text("leave_policy", 16, nullable=True),
        _at("max_members"),
        sa.Column("private", sa.Boolean(), nullable=True),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_applications")),
    )
    op.create_index(
        op.f("ix_project_applications_project_id"), "project_applications", ["project_id"]
    )
    op.create_index(
        "ix_project_applications_pending", "project_applications", ["state", "applicant_id"]
    )


def _log(name: str, subject: Any) -> None:
    op.create_table(
        name,
        _number(),
        subject,
        _text("from_state", 16, nullable=True),
        _text("to_state", 16),
        _text("actor_id"),
        _text("reason", None),
        _at("at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_{subject.name}"), name, [subject.name])

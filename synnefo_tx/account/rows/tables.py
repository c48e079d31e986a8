"""
Astakos' projects beside Keystone's of the same id, what was applied for, who is a member.

Times are microseconds since the epoch (UTC).  States and policies are the words of model.py.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from synnefo_tx.store.metadata import metadata


def _number() -> Column[int]:
    # SQLite counts by itself only in an INTEGER
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


account_projects = Table(
    "account_projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner_id", String(64), index=True),  # NULL: a personal project, whose id is the user's
    Column("is_personal", Boolean, nullable=False),
    Column("homepage", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("end_at", BigInteger),
    Column("deactivated_at", BigInteger),
    Column("join_policy", String(16), nullable=False),
    Column("leave_policy", String(16), nullable=False),
    Column("max_members", BigInteger),
    Column("private", Boolean, nullable=False),
    Column("application_id", BigInteger),  # the last one
    # {resource: [of a member, of the project]} of a project that is not active; of one that is,
    # the quotaholder knows.
    Column("kept_limits", JSON, nullable=False),
    Index("ix_account_projects_state", "state", "end_at"),
)
project_applications = Table(
    "project_applications",
    metadata,
    _number(),
    Column("project_id", String(64), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("applicant_id", String(64), nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("answered_by", String(64)),
    Column("reason", Text, nullable=False),
    # What is asked for; NULL: as it is.
    Column("owner_id", String(64)),
    Column("name", String(255)),
    Column("homepage", Text),
    Column("description", Text),
    Column("comments", Text),
    Column("start_at", BigInteger),
    Column("end_at", BigInteger),
    Column("join_policy", String(16)),
    Column("leave_policy", String(16)),
    Column("max_members", BigInteger),
    Column("private", Boolean),
    Column("resources", JSON, nullable=False),  # {resource: [of a member, of the project]}
    Index("ix_project_applications_pending", "state", "applicant_id"),
)
project_members = Table(
    "project_members",
    metadata,
    _number(),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("is_moderator", Boolean, nullable=False),
    UniqueConstraint("project_id", "user_id"),
)


def _log(name: str, subject: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        _number(),
        subject,
        Column("from_state", String(16)),  # NULL: it begins
        Column("to_state", String(16), nullable=False),
        Column("actor_id", String(64), nullable=False),
        Column("reason", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
    )


project_log = _log("project_log", Column("project_id", String(64), nullable=False, index=True))
membership_log = _log(
    "membership_log", Column("membership_id", BigInteger, nullable=False, index=True)
)

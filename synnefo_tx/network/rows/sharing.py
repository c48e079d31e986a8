"""
Networks of others that a project may use.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select

from synnefo_tx.network.rows.tables import networks, rbac_policies

SHARED, EXTERNAL, EVERYBODY = "access_as_shared", "access_as_external", "*"


def shared_with(project_id: str) -> ColumnElement[bool]:
    """
    Those that are shared with everybody, or with this project by a policy.
    """
    return or_(networks.c.shared, _named(project_id, SHARED))


def reached_by(project_id: str) -> ColumnElement[bool]:
    """
    Those through which this project may reach the outside.
    """
    return or_(networks.c.external, _named(project_id, EXTERNAL))


def _named(project_id: str, action: str) -> ColumnElement[bool]:
    return networks.c.id.in_(
        select(rbac_policies.c.object_id).where(
            rbac_policies.c.object_type == "network",
            rbac_policies.c.action == action,
            rbac_policies.c.target == project_id,
        )
    )
